// What JavaScript adds to pages that work without it.
import {
  createAll, Button, CharacterCount, Checkboxes, ErrorSummary, NotificationBanner, PasswordInput, Radios, ServiceNavigation, SkipLink,
} from "govuk-frontend";
import { followConditions } from "./conditions.js";

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
