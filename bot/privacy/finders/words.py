"""Words around secrets, in some thirty languages, folded as texts are: without accents, and small."""

from typing import Final

from bot.privacy.folding import fold


def fold_words(listed: str) -> tuple[str, ...]:
    """Fold the words of a list, which are parted by bars."""
    return tuple(dict.fromkeys(fold(word).text.lower() for word in listed.split("|")))


PASSWORDS: Final = fold_words(
    "password|passwort|passwd|passcode|passphrase|pass phrase|pwd|pw|passwrd|kennwort|losungswort"
    "|mot de passe|mdp|contraseña|clave|clave de acceso|senha|palavra-passe|palavra passe|parola d'ordine"
    "|wachtwoord|hasło|hasła|lösenord|adgangskode|kodeord|passord|salasana|tunnussana|heslo|parola|parolă"
    "|jelszó|jelszav|κωδικός πρόσβασης|κωδικός|συνθηματικό|пароль|паролем|пароля|парола|лозинка|lozinka"
    "|zaporka|geslo|slaptažodis|parole|parool|şifre|sifre|كلمة المرور|كلمة السر|كلمة مرور|رمز المرور|رمز عبور"
    "|گذرواژه|پسورد|کلمه عبور|پاس ورڈ|סיסמה|סיסמא|סיסמת|पासवर्ड|कूटशब्द|পাসওয়ার্ড|கடவுச்சொல்|รหัสผ่าน"
    "|mật khẩu|kata sandi|kata laluan|密码|密碼|口令|パスワード|비밀번호|패스워드|암호"
)
"""Words for a password."""

CODES: Final = fold_words(
    "pin|pin code|pincode|pin-code|pin number|pin-kod|pin-koden|pinkod|pin kod|pin kodu|pin-kód|pin kód"
    "|kod pin|kód pin|codice pin|código pin|code pin|geheimzahl|otp|otp code|one-time code|one time code"
    "|one-time password|one time password|one-time pin|verification code|security code|authentication code"
    "|auth code|confirmation code|login code|sign-in code|access code|sms code|2fa code|2fa|recovery code"
    "|backup code|tan|mtan|sms-tan|puk|cvc|cvv|cvc2|cvv2|cvc code|cvv code|bestätigungscode|sicherheitscode"
    "|verifizierungscode|freischaltcode|einmalcode|prüfnummer|zugangscode|code de vérification"
    "|code de sécurité|code de confirmation|code secret|code sms|code d'accès|código de verificación"
    "|código de seguridad|código de confirmación|código sms|código de acceso|código de acesso"
    "|codice di verifica|codice di sicurezza|codice di conferma|codice otp|codice sms|código de verificação"
    "|código de segurança|código de confirmação|verificatiecode|beveiligingscode|bevestigingscode"
    "|toegangscode|kod weryfikacyjny|kod bezpieczeństwa|kod potwierdzający|kod sms|verifieringskod"
    "|säkerhetskod|engångskod|bekræftelseskode|sikkerhedskode|engangskode|bekreftelseskode|sikkerhetskode"
    "|vahvistuskoodi|tunnusluku|turvakoodi|ověřovací kód|bezpečnostní kód|potvrzovací kód|ellenőrző kód"
    "|megerősítő kód|biztonsági kód|cod de verificare|cod de securitate|codul de verificare"
    "|κωδικός επαλήθευσης|κωδικός επιβεβαίωσης|κωδικός ασφαλείας|код подтверждения|код підтвердження"
    "|проверочный код|код из смс|код из sms|код з смс|код безопасности|код безпеки|пин|пин-код|пинкод|пін"
    "|пін-код|doğrulama kodu|onay kodu|güvenlik kodu|رمز التحقق|كود التحقق|رمز التأكيد|الرقم السري|کد تأیید"
    "|کد تایید|رمز یکبار مصرف|رمز دوم|پین|קוד אימות|קוד האימות|קוד סודי|קוד pin|पिन|ओटीपी|सत्यापन कोड|পিন"
    "|ওটিপি|যাচাইকরণ কোড|รหัส otp|รหัสยืนยัน|mã xác minh|mã xác nhận|mã otp|mã pin|kode verifikasi|kode otp"
    "|kod pengesahan|验证码|驗證碼|校验码|动态码|动态密码|安全码|安全碼|pin码|pin碼|認証コード|確認コード"
    "|セキュリティコード|暗証番号|ワンタイムパスワード|인증번호|인증 번호|인증 코드|인증코드|보안코드"
    "|보안 코드|핀번호|핀 번호"
)
"""Words for a code that is secret wherever it stands: PINs, one-time codes, check numbers of cards."""

OWN_CODES: Final = fold_words(
    "your code|ihr code|dein code|votre code|ton code|su código|tu código|seu código|teu código|il tuo codice"
    "|il suo codice|uw code|je code|jouw code|twój kod|państwa kod|din kod|din kode|váš kód|tvůj kód"
    "|az ön kódja|a kódod|codul dumneavoastră|codul tău|ο κωδικός σας|ο κωδικός σου|ваш код|твой код|твій код"
    "|kodunuz|رمزك|كودك|کد شما|הקוד שלך|आपका कोड|আপনার কোড|รหัสของคุณ|mã của bạn|kode anda|kod anda|您的代码"
    "|你的代码"
)
"""Words for a code that somebody was sent, with the value right behind."""

THE_CODES: Final = fold_words(
    "my code|the code|this code|mein code|der code|den code|mon code|le code|mi código|el código|meu código"
    "|o código|il codice|mijn code|de code|mój kod|min kod|koden|min kode|můj kód|a kód|codul|мой код|мій код"
    "|הקוד|الرمز|الكود"
)
"""The same, where a verb or a colon must stand between: there are many codes."""

SHORT: Final = fold_words("pass|psw|user/pass")
"""Short words for a password, at the beginning of a line."""

FIRST_CODES: Final = fold_words(
    "code|kod|kode|kód|koodi|código|codice|codul|κωδικός|код|کد|كود|رمز|קוד|कोड|কোড|コード|코드|代码|代碼"
)
"""Words for a code, at the beginning of a line."""

KEYS: Final = fold_words(
    "api key|api-key|api_key|apikey|api token|api_token|secret key|secret_key|secretkey|access key|access_key"
    "|accesskey|private key|private_key|privatekey|client secret|client_secret|clientsecret|auth token"
    "|auth_token|access token|access_token|refresh token|refresh_token|bearer token|session token|session id"
    "|sessionid|token|secret|signing secret|webhook secret|license key|product key|jeton|clé api|clave api"
    "|clave de api|chiave api|chave api|chave de api|api-schlüssel|api-sleutel|klucz api|api-nyckel|nyckeln"
    "|api-klíč|api kulcs|cheie api|κλειδί api|api-ключ|ключ api|токен|api anahtarı|مفتاح api|کلید api"
    "|מפתח api|एपीआई कुंजी|टोकन|টোকেন|api 密钥|api密钥|密钥|api 金鑰|api金鑰|金鑰|令牌|apiキー|トークン"
    "|api 키|api키|토큰"
)
"""Words for a key or a token."""

NO_PASSWORD: Final = frozenset(
    fold_words(
        "wrong|incorrect|invalid|expired|forgotten|reset|lost|missing|unknown|required|empty|blocked|locked"
        "|changed|weak|strong|safe|secure|fine|correct|right|okay|good|same|different|secret|private|short"
        "|long|here|there|gone|broken|working|impossible|optional|none|null|true|false|string|hidden|help"
        "|urgent|yes|again|vergessen|falsch|abgelaufen|gesperrt|ungültig|unbekannt|zurücksetzen|oublié|perdu"
        "|refusé|incorrecto|olvidada|olvidado|perdida|sbagliata|dimenticata|errada|esquecida|vergeten"
        "|verlopen|zapomniane|glömt|забыл|забыт|忘记|忘記"
    )
)
"""What stands where a password might, and is none."""

VERBS: Final = fold_words(
    "is|was|reads|ist|lautet|war|est|es|era|è|é|são|ar|är|var|er|on|je|jest|to|bylo|van|este|e|is het|είναι"
    "|это|есть|це|هو|هي|است|היא|הוא|है|हैं|হল|হলো|adalah|ialah|la|là|คือ"
)
"""Words between a secret's name and its value."""

SPACELESS_VERBS: Final = fold_words("是|为|為|は|が|는|은|가|이|คือ")
"""The same, in scripts without spaces."""
