// What JavaScript adds to pages that work without it.
import {
  createAll, Button, CharacterCount, Checkboxes, ErrorSummary, NotificationBanner, PasswordInput, Radios, ServiceNavigation, SkipLink,
} from "govuk-frontend";
import { followConditions } from "./conditions.js";
import "./uploads.js";
import "./holds.js";
import { sortRows } from "./sortable.js";

const french = {
  passwordInput: {
    i18n: {
      showPassword: "Afficher",
      hidePassword: "Masquer",
      showPasswordAriaLabel: "Afficher le mot de passe",
      hidePasswordAriaLabel: "Masquer le mot de passe",
      passwordShownAnnouncement: "Votre mot de passe est visible",
      passwordHiddenAnnouncement: "Votre mot de passe est masqué",
    },
  },
};

for (const component of [Button, CharacterCount, Checkboxes, ErrorSummary, NotificationBanner, Radios, ServiceNavigation, SkipLink]) {
  createAll(component);
}
createAll(PasswordInput, french.passwordInput);

document.querySelectorAll("form").forEach(followConditions);
document.querySelectorAll("[data-sortable]").forEach(sortRows);

// A page of errors answers a form: whoever comes back to it would be asked whether to send the form again, or be shown a
// browser's error. Once left, its address is a plain one, and coming back shows the step as it is kept.
document.addEventListener("submit", () => history.replaceState(history.state, "", location.href));
