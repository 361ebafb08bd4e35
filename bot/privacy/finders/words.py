"""Words around secrets, in some thirty languages, folded as texts are: without accents, and small."""

from typing import Final

from bot.privacy.folding import fold

LATIN_LIKES: Final = str.maketrans(
    "авекмнорстухіѕјԁһАВЕКМНОРСТУХІЅЈαβεζηικμνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "abekmhopctyxisjdhABEKMHOPCTYXISJabezhikmvoptyxABEZHIKMNOPTYX",
)
"""Letters that look like Latin ones, which people and attackers mix."""


def fold_words(listed: str) -> tuple[str, ...]:
    """Fold the words of a list, which are parted by bars, with letters that look like Latin ones as those."""
    return tuple(dict.fromkeys(word.translate(LATIN_LIKES) for word in fold_links(listed)))


def fold_links(listed: str) -> tuple[str, ...]:
    """Fold the words of a list, which are parted by bars."""
    return tuple(dict.fromkeys(fold(word).text.lower() for word in listed.split("|")))


PASSWORDS: Final = fold_words(
    "password|passwort|passwd|passcode|passphrase|pass phrase|pwd|pw|passwrd|kennwort|losungswort|mot de passe|mdp"
    "|contraseña|clave de acceso|senha|palavra-passe|palavra passe|parola d'ordine|wachtwoord|hasło|hasła|lösenord"
    "|adgangskode|kodeord|passord|salasana|tunnussana|heslo|parola|parolă|parolen|jelszó|jelszav|κωδικός πρόσβασης"
    "|συνθηματικό|пароль|паролем|пароля|парола|лозинка|lozinka|zaporka|geslo|slaptažodis|parole|parool|şifre|sifre"
    "|كلمة المرور|كلمة السر|كلمة مرور|رمز المرور|رمز عبور|گذرواژه|پسورد|کلمه عبور|پاس ورڈ|סיסמה|סיסמא|סיסמת|पासवर्ड"
    "|कूटशब्द|পাসওয়ার্ড|கடவுச்சொல்|รหัสผ่าน|mật khẩu|kata sandi|kata laluan|密码|密碼|口令|パスワード|비밀번호"
    "|패스워드|암호|비번|パスは|pass word|pass-word|p4ssword|passw0rd|p4ssw0rd|pa$$word|p@ssword|p a s s w o r d"
    "|wifi key|wi-fi key|wlan key|wpa key|wpa2 key|wpa2-key|wpa3 key|network key|network security key"
    "|wlan-schlüssel|wpa-schlüssel|wpa2-schlüssel|wpa-key|psk|wlan schlüssel|wifi-schlüssel|netzwerkschlüssel"
    "|clé wifi|clé wi-fi|clé du wifi|clé de sécurité|clave wifi|clave del wifi|clave de wifi|chiave wifi"
    "|chiave wi-fi|chave wifi|chave do wifi|wifi-sleutel|wifi sleutel|klucz wifi|klucz sieci|wifi-nyckel"
    "|nätverksnyckel|ключ wifi|ключ wi-fi|wifi 密码|wifi密码|无线密码"
)
"""Words for a password."""

AMBIGUOUS_PASSWORDS: Final = fold_words("clave|κωδικός|parole")
"""Words for a password that mean other things as well."""

SHORT: Final = fold_words("pass|psw|user/pass")
"""Short ones, with a sign or a verb behind."""

PHRASES: Final = fold_words(
    "passphrase|pass phrase|seed phrase|recovery phrase|secret phrase|seed words|mnemonic|mnemonic phrase"
    "|wallet seed|frase semilla|phrase de récupération|wiederherstellungsphrase|сид-фраза|сид фраза|助记词"
)
"""Words for a secret of several words."""

RECOVERY_CODES: Final = fold_words(
    "recovery code|2fa recovery|recovery key|backup code|backup key|scratch code|emergency code|rescue code"
    "|reset code|wiederherstellungscode|wiederherstellungsschlüssel|backup-code|ersatzcode|notfallcode"
    "|code de secours|codes de secours|code de récupération|codes de récupération|código de recuperación"
    "|códigos de recuperación|código de respaldo|códigos de respaldo|codice di recupero|codici di recupero"
    "|codice di backup|codici di backup|código de recuperação|códigos de recuperação|código de backup|herstelcode"
    "|back-upcode|kod odzyskiwania|kody zapasowe|kod zapasowy|kody odzyskiwania|återställningskod|reservkod"
    "|záložní kód|kód pro obnovení|helyreállítási kód|cod de recuperare|coduri de recuperare|cod de rezervă"
    "|κωδικός ανάκτησης|κωδικοί ανάκτησης|резервный код|резервные коды|код восстановления|коды восстановления"
    "|резервний код|код відновлення|kurtarma kodu|yedek kod|رمز الاسترداد|رموز الاسترداد|کد بازیابی|کد پشتیبان"
    "|קוד שחזור|קוד גיבוי|रिकवरी कोड|बैकअप कोड|রিকভারি কোড|恢复码|恢復碼|恢复代码|备用码|備用碼|备份码|备用代码"
    "|リカバリーコード|バックアップコード|復旧コード|복구 코드|백업 코드"
)
"""Words for codes that come in lists and may have letters."""

CODES: Final = fold_words(
    "pin|pin code|pincode|pin-code|pin number|pin-kod|pin-koden|pinkod|pin kod|pin kodu|pin-kód|pin kód|kod pin"
    "|kód pin|codice pin|código pin|code pin|geheimzahl|otp|otp code|one-time code|one time code|one-time password"
    "|one time password|one-time pin|verification code|security code|authentication code|auth code"
    "|confirmation code|login code|sign-in code|access code|sms code|2fa code|2fa|totp|hotp|authenticator"
    "|authenticator code|authenticator app code|two-factor code|two factor code|2-step verification|two-step code"
    "|2-step code|door code|gate code|entry code|alarm code|unlock code|lock code|safe code|entsperrcode|türcode"
    "|alarmcode|code de la porte|code d'entrée|cryptogramme|kartenprüfnummer|prüfziffer|digits on the back"
    "|卡背面三位数|卡背面|pin no|pin nr|pin#|tan|mtan|sms-tan|puk|cvc|cvv|cvc2|cvv2|cvc code|cvv code"
    "|bestätigungscode|sicherheitscode|verifizierungscode|freischaltcode|einmalcode|prüfnummer|zugangscode"
    "|code de vérification|code de sécurité|code de confirmation|code secret|code sms|code d'accès"
    "|código de verificación|código de seguridad|código de confirmación|código sms|código de acceso"
    "|código de acesso|codice di verifica|codice di sicurezza|codice di conferma|codice otp|codice sms"
    "|código de verificação|código de segurança|código de confirmação|verificatiecode|beveiligingscode"
    "|bevestigingscode|toegangscode|kod weryfikacyjny|kod bezpieczeństwa|kod potwierdzający|kod sms|verifieringskod"
    "|säkerhetskod|engångskod|bekræftelseskode|sikkerhedskode|engangskode|bekreftelseskode|sikkerhetskode"
    "|vahvistuskoodi|tunnusluku|turvakoodi|ověřovací kód|bezpečnostní kód|potvrzovací kód|ellenőrző kód"
    "|megerősítő kód|biztonsági kód|cod de verificare|cod de securitate|codul de verificare|κωδικός μιας χρήσης"
    "|código de un solo uso|código de uso único|einmalpasswort|code à usage unique|codice monouso|eenmalige code"
    "|kod jednorazowy|jednorazowy kod|jednorázový kód|egyszer használatos kód|cod unic|одноразовый код"
    "|одноразовый пароль|одноразовий код|одноразовий пароль|tek kullanımlık kod|رمز لمرة واحدة|קוד חד פעמי"
    "|一次性密码|一次性代码|認証番号|ワンタイムコード|일회용 코드|일회용 비밀번호|κωδικός επαλήθευσης"
    "|κωδικός επιβεβαίωσης|κωδικός ασφαλείας|код подтверждения|код підтвердження|проверочный код|код из смс"
    "|код из sms|код з смс|код безопасности|код безпеки|пин|пин-код|пинкод|пін|пін-код|doğrulama kodu|onay kodu"
    "|güvenlik kodu|رمز التحقق|كود التحقق|رمز التأكيد|الرقم السري|کد تأیید|کد تایید|رمز یکبار مصرف|رمز دوم|پین"
    "|קוד אימות|קוד האימות|קוד סודי|קוד pin|पिन|ओटीपी|सत्यापन कोड|পিন|ওটিপি|যাচাইকরণ কোড|รหัส otp|รหัสยืนยัน"
    "|mã xác minh|mã xác nhận|mã otp|mã pin|kode verifikasi|kode otp|kod pengesahan|验证码|驗證碼|校验码|动态码"
    "|动态密码|安全码|安全碼|pin码|pin碼|認証コード|確認コード|セキュリティコード|暗証番号|ワンタイムパスワード"
    "|인증번호|인증 번호|인증 코드|인증코드|보안코드|보안 코드|핀번호|핀 번호"
)
"""Words for a code that is secret wherever it stands: PINs, one-time codes, check numbers of cards."""

OWN_CODES: Final = fold_words(
    "your code|ihr code|dein code|votre code|ton code|su código|tu código|seu código|teu código|il tuo codice"
    "|il suo codice|uw code|je code|jouw code|twój kod|państwa kod|din kod|din kode|váš kód|tvůj kód|az ön kódja"
    "|a kódod|codul dumneavoastră|codul tău|ο κωδικός σας|ο κωδικός σου|ваш код|твой код|твій код|kodunuz|رمزك|كودك"
    "|کد شما|הקוד שלך|आपका कोड|আপনার কোড|รหัสของคุณ|mã của bạn|kode anda|kod anda|您的代码|你的代码|my code"
    "|this code|mein code|mon code|mi código|meu código|il mio codice|mijn code|mój kod|min kod|min kode|můj kód"
    "|a kódom|codul meu|мой код|мій код|ο κωδικός μου|الرمز الخاص بي"
    "|मेरा कोड|আমার কোড|کد من|kodum|kodumuz|koodini|kode saya|kod saya|mã của tôi|รหัสของฉัน|我的代码|我的代碼|내 코드"
)
"""Words for a code that somebody was sent, with the value right behind."""

THE_CODES: Final = fold_words(
    "the code|der code|den code|le code|el código|o código|il codice|de code|koden|a kód|codul|код|הקוד|الرمز|الكود"
)
"""The same, where a verb or a colon must stand between: there are many codes."""

FIRST_CODES: Final = fold_words(
    "code|kod|kode|kód|koodi|código|codice|codul|cod|κωδικός|κωδικό|код|کد|كود|رمز|קוד|कोड|কোড|コード|코드|代码|代碼|mã|รหัส"
)
"""Words for a code, at the beginning of a line."""

KEYS: Final = fold_words(
    "api key|api-key|api_key|apikey|api token|api_token|secret key|secret_key|secretkey|access key|access_key"
    "|accesskey|private key|private_key|privatekey|client secret|client_secret|clientsecret|auth token|auth_token"
    "|access token|access_token|refresh token|refresh_token|bearer token|session token|session id|sessionid|token"
    "|secret|signing secret|webhook secret|license key|product key|jeton|clé api|clave api|clave de api|chiave api"
    "|chave api|chave de api|api-schlüssel|api-sleutel|klucz api|api-nyckel|nyckeln|api-klíč|api kulcs|cheie api"
    "|κλειδί api|api-ключ|ключ api|токен|api anahtarı|مفتاح api|کلید api|מפתח api|एपीआई कुंजी|टोकन|টোকেন|api 密钥"
    "|api密钥|密钥|api 金鑰|api金鑰|金鑰|令牌|apiキー|トークン|api 키|api키|토큰|account key|accountkey"
    "|sharedaccesskey|instrumentationkey|subscription-key|subscription key|secret access key|secret_access_key"
    "|totp secret|2fa secret|otp secret|encryption key|encryption_key|signing key|ключ доступа|ключ доступу"
    "|clé d'accès|clé secrète|clave secreta|chiave segreta|zugriffsschlüssel|geheimer schlüssel"
)
"""Words for a key or a token."""

NO_PASSWORD: Final = frozenset(
    fold_words(
        "wrong|valid|active|ready|incorrect|invalid|expired|forgotten|reset|lost|missing|unknown|required|empty|blocked"
        "|locked|changed|weak|strong|safe|secure|fine|correct|right|okay|good|same|different|secret|private|short|long"
        "|here|there|gone|broken|working|impossible|optional|none|null|true|false|string|hidden|help|urgent|yes|again"
        "|vergessen|falsch|abgelaufen|gesperrt|ungültig|unbekannt|zurücksetzen|oublié|perdu|refusé|incorrecto|olvidada"
        "|olvidado|perdida|sbagliata|dimenticata|errada|esquecida|vergeten|verlopen|zapomniane|glömt|забыл|забыт|忘记"
        "|忘記|esqueci|esqueceu|olvidé|unuttum|dimenticato|zapomniałem|zapomniałam|zapomněl|zapomněla|elfelejtettem"
        "|am uitat|what|where|here|this|that|it|which|these|those|there|how|when|why|text|integer|number|varchar"
        "|password|passwort|passwords|username|user|name|email|mail|manual|below|above|attached|separately|see|below"
        "|ask|please|optional|leer|erforderlich|pflichtfeld|nötig|siehe|keins|keine|richtig|obligatoire|requis|vide"
        "|incorrect|invalide|oublie|aucun|voir|obligatorio|obligatoria|requerido|requerida|vacío|vacía|incorrecta"
        "|inválida|ninguna|importante|obbligatorio|obbligatoria|richiesta|richiesto|vuota|vuoto|errata|nessuna|scaduta"
        "|obrigatório|obrigatória|vazio|vazia|incorreta|nenhuma|verplicht|leeg|onjuist|onbekend|geen|wymagane|puste"
        "|błędne|brak|nieprawidłowe|obligatoriskt|krävs|tomt|felaktigt|saknas|povinné|prázdné|špatné|chybí|kötelező"
        "|üres|hibás|nincs|obligatoriu|greșită|incorectă|lipsește|υποχρεωτικό|υποχρεωτικός|κενό|λάθος|обязательно"
        "|обязателен|пусто|пустой|неверный|неправильный|неверно|нет|обов'язково|порожньо|порожній|неправильний|невірний"
        "|немає|zorunlu|hatalı|yanlış|gerekli|geçersiz|مطلوب|مطلوبه|فارغ|فارغه|خاطئه|الزامی|خالی|اشتباه|נדרש|נדרשת|חובה"
        "|ריק|ריקה|שגויה|שכחתי|अनिवार्य|खाली|गलत|আবশ্যক|ভুল|খালি|必填|必須|필수"
    )
)
"""What stands where a password might, and is none."""

COMMON_PASSWORDS: Final = frozenset(
    fold_words("letmein|qwerty|azerty|qwertz|asdfgh|iloveyou|changeme|swordfish|opensesame|trustno|admin|root")
)
"""Words that are passwords and nothing else, or more often than anything else behind "password is"."""

VERBS: Final = fold_links(
    "is|was|reads|ist|lautet|war|est|es|era|è|é|são|ar|är|var|er|on|je|jest|to|bylo|van|este|e|is het|είναι|это"
    "|есть|це|هو|هي|است|היא|הוא|है|हैं|হল|হলো|adalah|ialah|la|là|คือ|will be|should be|as|c'est|shows|says|displays"
    "|zeigt|sagt|affiche|dice|muestra|mostra|on|ne|используется|стоит|are|sind|son|sont|sono|são|zijn"
)
"""Words between a secret's name and its value."""

SPACELESS_VERBS: Final = fold_links("是|为|為|は|が|는|은|가|이|คือ")
"""The same, in scripts without spaces."""

FILLERS: Final = fold_links(
    "у меня|у нас|у мене|такой|такий|вот такой|вот|ось|это|сейчас|мой|this|this one|the following|as follows"
    "|following|now|of mine|mine|das hier|folgendes|folgender|wie folgt|diese|dieses|hier|le suivant|ci-dessous"
    "|celui-ci|siguiente|este|esta|la siguiente|mía|mío|seguente|questa|questo|seguinte|deze|het volgende|mitt|saya"
    "|của tôi|mam|mám|taki|taka|takie|det här|følgende|حقي|الخاص بي|مال من|من|שלי|मेरा|是这个|code|kod|app"
    "|şu|used to be|currently|i use|i used|i typed|i have"
)
"""Words that may stand between a secret's name and its value and say nothing."""

USERS: Final = fold_words(
    "user|username|user name|user id|userid|uid|login|log-in|usr|account|acct|e-mail|email|mail|id|benutzer"
    "|benutzername|utilisateur|identifiant|usuario|utente|usuário|gebruiker|gebruikersnaam|użytkownik|användare"
    "|uživatel|felhasználó|utilizator|χρήστης|логин|пользователь|користувач|логін|kullanıcı|用户名|用户|账号|帳號"
    "|ユーザー|ユーザー名|아이디"
)
"""Words for the name of an account, which a password may follow."""

CREDENTIALS: Final = fold_words(
    "credentials|creds|login data|login details|login credentials|access data|user/pass|user/password"
    "|username/password|user / password|username / password|user, password|user and password|username and password"
    "|user & password|user/pw|login and password|id/pw|id/pass|zugangsdaten|anmeldedaten|login-daten|logindaten"
    "|identifiants|identifiants de connexion|credenciales|datos de acceso|usuario y contraseña|credenziali"
    "|dati di accesso|credenciais|dados de acesso|inloggegevens|dane logowania|dane do logowania|login i hasło"
    "|inloggningsuppgifter|přihlašovací údaje|belépési adatok|bejelentkezési adatok|date de autentificare"
    "|date de conectare|στοιχεία σύνδεσης|учётные данные|данные для входа|логин и пароль|логин/пароль|облікові дані"
    "|логін і пароль|giriş bilgileri|giriş bilgilerim|بيانات الدخول|بيانات تسجيل الدخول|اطلاعات ورود|פרטי התחברות"
    "|פרטי כניסה|लॉगिन विवरण|लॉगइन|লগইন তথ্য|账号密码|帳號密碼|登录信息|登入資訊|ログイン情報|로그인 정보"
    "|아이디/비밀번호"
)
"""Words for a name and a password."""

LOGINS: Final = fold_words("login|log-in|log in|logon|wifi|wi-fi|wlan|zugang|логин|вход|вхід|登录|ログイン|로그인")
"""Words that a name and a password may follow, or something else."""

ENTER: Final = fold_words(
    "enter|use|type|type in|gib|eingeben|saisissez|entrez|introduce|introduzca|ingrese|inserisci|inserire|digite"
    "|insira|voer|wpisz|ange|zadejte|introduceți|εισάγετε|введите|введіть|girin|أدخل|输入|輸入"
)
"""Words before a code that is to be typed."""

OTHER_THINGS: Final = fold_words(
    "boarding|ski|season|travel|train|bus|day |lift|press|guest|visitor|parking|annual|monthly|rail|order|product"
    "|article|artikel|item|error|fehler|erreur|errore|erro |promo|discount|coupon|voucher|gutschein|rabatt|kupon"
    "|postal|post|zip|area|country|qr|barcode|status|exit|dress|source|tracking|parcel|sort|bank|swift|bic|booking"
    "|reference|style|colour|color|model|serial|part |stock|sku|invoice|customer|kunden|bestell|produkt|commande"
    "|produit|client|remise|producto|producte|descuento|cliente|pedido|prodott|articolo|sconto|ordine|fiscale"
    "|produto|desconto|korting|fout|klant|bestelling|termek|hiba|kupon|produs|eroare|reducere|poczt|bled|zamowien"
    "|rabatow|felkod|order|zbozi|chyb|slev|objednav|προϊοντ|σφαλμα|παραγγελι|ταχυδρομικ|εκπτωσ|товар|ошибк|заказ"
    "|город|промо|скидк|помилк|замовл|індекс|знижк|urun|hata|indirim|posta|siparis|المنتج|الخطا|الخصم|البريد|الطلب"
    "|محصول|خطا|تخفیف|پستی|سفارش|מוצר|שגיא|קופון|הזמנה|उत्पाद|त्रुटि|कूपन|ऑर्डर|পণ্য|ত্রুটি|কুপন|অর্ডার|商品|产品"
    "|產品|错误|錯誤|优惠|優惠|邮|郵|订单|訂單|エラー|クーポン|注文|상품|오류|쿠폰|주문|우편|log |palabra|keyword"
    "|http|palette|version|build|ticket|case|device|vin|vat|tax|steuer|menu|course|kurs|of conduct|lines"
)
"""Things that have codes and keys which are no secret."""

SENT: Final = fold_words(
    "sms|\\btext|\\benter|\\btyped|otp|2fa|authenticat|\\bapp\\b|verif|login|log in|sign in|signin|confirm"
    "|\\bgot\\b|received|\\bsent\\b|erhalten|bekommen|gekommen|anmeld|bestätig|reçu|connexion|connecter|llegó|llego"
    "|recib|enviaron|verifica|ricevut|arrivat|accede|receb|chegou|entrar|ontvang|kreeg|gekregen|inlog|dostał|otrzyma"
    "|przysz|logow|fick |\\bfik |\\bsain |fått|inlogg|dostal|přišel|přihlás|kapott|kaptam|belép|primit|conectare"
    "|έλαβ|σύνδεσ|пришел|пришёл|получил|вход|подтвер|надійшов|отримав|прийшов|вхід|gelen|giriş|onay|وصل|تسجيل|استلم"
    "|ورود|دریافت|קיבלתי|כניסה|मिला|लॉगिन|পেয়েছি|লগইন|收到|登录|登入|验证|驗證|届い|ログイン|認証|받은|로그인|인증"
)
"""Words, in patterns, that tell of a code which was sent, or what it is for."""
