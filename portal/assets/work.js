// The proof of work of the captcha, done beside the page so that it stays quick (account.js starts it).
import "altcha/workers/pbkdf2";
