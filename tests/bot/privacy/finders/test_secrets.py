"""Passwords, codes, keys and tokens: hidden with their values only, and words that merely speak of them stay."""

import pytest

from bot.privacy.detectors import Recogniser
from bot.privacy.placeholders import NO_PLACEHOLDERS, mask_messages


def mask(text: str) -> str:
    return mask_messages([text], NO_PLACEHOLDERS, Recogniser())[0][0]


@pytest.mark.parametrize(
    "text",
    [
        "password: {}", "MY PASSWORD IS {}", "Password={}", "my password is {}",
        "my password for the shop is {}, sorry", "passwd {}",
        "pw: {}",
        "password is: {}", "*Password:* {}", '{{"password": "{}"}}', "the password was {} before", "my password's {}",
        "Das Passwort ist {}", "Kennwort „{}“", "mot de passe : {}", "la contraseña es {}", "minha senha é {}",
        "la mia password è {}", "wachtwoord: {}", "hasło to {}", "lösenord: {}", "heslo je {}", "a jelszavam: {}",
        "parola mea este {}", "ο κωδικός πρόσβασης είναι {}", "мой пароль {}", "мій пароль: {}", "şifrem {}",
        "كلمة المرور هي {}", "رمز عبور: {}", "הסיסמה שלי היא {}", "मेरा पासवर्ड {} है", "আমার পাসওয়ার্ড {}",
        "密码是{}",
        "密碼：{}，謝謝", "パスワードは{}です", "비밀번호는 {}인데", "adgangskode: {}", "salasana: {}",
        "mật khẩu: {}", "รหัสผ่าน: {}",
        "kata sandi: {}", "p\u200bassword: {}",
    ],
)  # fmt: skip
def test_passwords_are_hidden_in_every_language(text: str) -> None:
    secret = "Hunter2!x"
    assert mask(text.format(secret)) == text.format("[SECRET_1]")


@pytest.mark.parametrize(
    "text",
    [
        "your code is {}", "Your code: {}", "code: {}", "OTP {}", "My PIN is {}", "PIN: {}",
        "{} is your verification code",
        "Use {} as your verification code", "the verification code from the SMS is {}",
        "Ihr Bestätigungscode lautet {}",
        "Votre code est {}", "su código es {}", "il codice di verifica è {}", "Twój kod to {}", "Ваш код: {}",
        "您的验证码是{}",
        "認証コードは{}です", "인증번호는 {}입니다", "رمز التحقق: {}", "CVV {}", "TAN {}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("code", ["482913", "4829"])
def test_codes_are_hidden_in_many_languages(text: str, code: str) -> None:
    assert mask(text.format(code)) == text.format("[SECRET_1]")


@pytest.mark.parametrize(
    "text",
    [
        "code {}", "the code {}", "the code they sent me is {}", "{} is my Google code", "The SMS says {}",
        "Ich habe den Code {} bekommen", "j'ai reçu le code {}", "me llegó el código {}", "ho ricevuto il codice {}",
        "recebi o código {}", "ik kreeg de code {}", "dostałem kod {}", "jag fick koden {}", "jeg fik koden {}",
        "sain koodin {}", "dostal jsem kód {}", "megkaptam a kódot: {}", "am primit codul {}", "έλαβα τον κωδικό {}",
        "пришел код {}", "надійшов код {}", "gelen kod {}", "kodum {}", "وصلني الرمز {}", "کد من {}", "קיבלתי קוד {}",
        "मेरा कोड {} है", "আমার কোড {}", "รหัส {}", "kode saya {}", "验证码{}", "コード {}", "코드 {}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("code", ["G-482913", "g-482913"])
def test_a_code_with_a_letter_before_it_is_hidden_beside_words_for_it(text: str, code: str) -> None:
    assert mask(text.format(code)) == text.format("[SECRET_1]")


@pytest.mark.parametrize(
    "text",
    [
        "pass {}!", "user joe pass {}", "user: joe, pass {}!", "It fails. pass {}! Please help.", "my pass {}",
        "login joe / {}", "login joe/{}", "Login joe | {}!", "login joe@mail.example / {}", "log in joe : {}",
        "wifi guest / {}", "вход joe / {}", "user joe / {}", "account joe / {}!", "credentials joe {}!",
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", ["hunter2", "Blue42sky", "s3cr3t-x"])
def test_a_password_of_letters_and_digits_is_hidden_behind_a_short_word_or_a_name(text: str, value: str) -> None:
    hidden = mask(text.format(value))
    assert "[SECRET_1]" in hidden
    assert value not in hidden


@pytest.mark.parametrize(
    "token",
    [
        "sk-proj-EXAMPLEonly0000notARealKey1234", "sk-ant-api03-EXAMPLEonly0000", "xoxb-0000000000-EXAMPLEonly",
        "xapp-1-A000-000-EXAMPLEonly", "ghp_EXAMPLEonlyEXAMPLEonlyEXAMPLEonly0001", "AKIAIOSFODNN7EXAMPLE",
        "AIzaEXAMPLEonlyEXAMPLEonlyEXAMPLEonly000", "glpat-EXAMPLEonly0000EXAMPLE",
        "hf_EXAMPLEonlyEXAMPLEonlyEXAMPLE00",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJleGFtcGxlIn0.c2lnbmF0dXJl",
        "-----BEGIN RSA PRIVATE KEY-----\nRXhhbXBsZQ==\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nRXhhbXBsZVJYaGhiWEJzWlE",
    ],
)  # fmt: skip
def test_keys_are_known_by_their_form(token: str) -> None:
    assert mask(f"Is {token} right?") == "Is [SECRET_1] right?"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Authorization: Bearer EXAMPLEtoken0000example", "Authorization: Bearer [SECRET_1]"),
        ("postgres://joe:s3cret@db.example/x", "postgres://joe:[SECRET_1]@db.example/x"),
        ("https://x.example/?access_token=EXAMPLE0000&page=1", "https://x.example/?access_token=[SECRET_1]&page=1"),
        ("API key: EXAMPLE0000example", "API key: [SECRET_1]"),
        ("my password is swordfish.", "my password is [SECRET_1]."),
        ("Passwort: sonnenblume", "Passwort: [SECRET_1]"),
        ('the new password is "blue horse"', 'the new password is "[SECRET_1]"'),
    ],
)
def test_what_is_hidden_is_the_value_alone(text: str, hidden: str) -> None:
    assert mask(text) == hidden


@pytest.mark.parametrize(
    "text",
    [
        "my password is wrong", "My password is not accepted!!!", "the password is expired.",
        "I forgot my password: what now?",
        "Your password must be at least 12 characters", "password reset link: https://x.example/reset",
        "Mein Passwort ist weg.",
        "promo code: SUMMER2024", "postal code 10115", "error code 500123", "the code 50012 in the log",
        "code promo HIVER2024",
        "the PIN pad is broken", "a token of appreciation", "a secret: we love your shop",
        "tokenizer = AutoTokenizer",
        "SUGGEST_TOKENS_PER_DAY=2000000", "the boarding pass: see below", "密码是错误的",
        "Hello, password, thanks\nI tried, nothing", "| password | string |", "user; pass; plan\na; b; c",
        "the order code is 48291", "code: 2024-11", "clave: importante", "iOS17 is asking for my password",
        "risk-management-of-the-whole-company",
        "Pass python3 as an argument.", "my ski pass 2024a", "my pass 30days", "the pass QX77812 does not scan",
        "login Chrome / windows10", "login page / step2", "log in / sign up2", "login at 10:30am", "wifi 2.4ghz / 5ghz",
        "I cannot login, order4711", "login error / e4711x", "my order G-482913", "I got G-482913 instead of G-482914",
        "order code G-482913", "the article G-482913, code of the colour: red", "Rechnung RE-482913",
        "Mein Artikel G-482913 kam defekt an", "commande G-482913 reçue", "заказ G-482913 пришел", "訂單 G-482913",
    ],
)  # fmt: skip
def test_words_that_speak_of_secrets_stay(text: str) -> None:
    assert mask(text) == text
