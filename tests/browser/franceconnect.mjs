// FranceConnect and ProConnect for the tests: npm oidc-provider, configured with FranceConnect's strictness.
// It says where it listens, reads the portal's address on its input, and serves until that input ends.
import { createHash, generateKeyPairSync } from "node:crypto";
import http from "node:http";
import readline from "node:readline";
import { Provider } from "oidc-provider";

const BASE = "/api/v2";
const KNOWN = ["client_id", "acr_values", "claims", "response_type", "nonce", "state", "redirect_uri", "scope", "prompt"];
const NEEDED = ["client_id", "acr_values", "response_type", "nonce", "state", "redirect_uri", "scope"];
const PIVOT = ["given_name", "given_name_array", "family_name", "birthdate", "gender", "birthplace", "birthcountry"];
const PEOPLE = {
  angela: {
    given_name: "Angela Claire Louise", given_name_array: ["Angela", "Claire", "Louise"], family_name: "DUBOIS",
    birthdate: "1962-08-24", gender: "female", birthplace: "75107", birthcountry: "99100", email: "angela.dubois@exemple.fr",
  },
  amadou: {
    given_name: "Amadou", given_name_array: ["Amadou"], family_name: "DIOP", birthdate: "1951-00-00", gender: "male",
    birthplace: "", birthcountry: "99341", email: "amadou.diop@exemple.fr",
  },
  lucie: {
    given_name: "Lucie Anne", given_name_array: ["Lucie", "Anne"], family_name: "MOREAU", preferred_username: "DUBREUIL",
    birthdate: "1979-07-29", gender: "female", birthplace: "69123", birthcountry: "99100", email: "lucie@exemple.fr",
  },
  sonia: { given_name: "Sonia", usual_name: "Lefèvre", email: "sonia.lefevre@exemple.fr", uid: "12" },
};
const ACR = { sonia: "eidas2" };

const server = http.createServer();
server.listen(0, "127.0.0.1", () => {
  // Another site than the portal, as it is in life: cookies that stay on their site stay behind.
  const issuer = `http://localhost:${server.address().port}${BASE}`;
  console.log(`listening ${issuer}`);
  const lines = readline.createInterface({ input: process.stdin });
  lines.once("line", (portal) => {
    serve(issuer, portal.trim());
    console.log("serving");
  });
  lines.once("close", () => process.exit(0));
});

function serve(issuer, portal) {
  const provider = new Provider(issuer, configuration(portal));
  const answer = provider.callback();
  server.on("request", async (request, response) => {
    const url = new URL(request.url, issuer);
    const why = url.pathname === `${BASE}/authorize` && refused(url.searchParams);
    if (why) return page(response, 400, `<h1>Y000400</h1><p>${why}</p>`);
    const visit = url.pathname.match(/^\/api\/v2\/interaction\/[\w-]+$/);
    if (visit) return interact(provider, request, response);
    request.originalUrl = request.url;
    request.url = request.url.slice(BASE.length) || "/";
    return answer(request, response);
  });
}

// What FranceConnect looks at before anything else.
function refused(asked) {
  const unknown = [...asked.keys()].filter((name) => !KNOWN.includes(name));
  const missing = NEEDED.filter((name) => !asked.get(name));
  if (unknown.length) return `unknown parameters: ${unknown}`;
  if (missing.length) return `missing parameters: ${missing}`;
  if (asked.get("nonce").length < 22) return "the nonce is too short";
  return "";
}

// One page: who one is, or no.
async function interact(provider, request, response) {
  if (request.method === "GET") {
    const people = Object.keys(PEOPLE).map((name) => `<button name="who" value="${name}">${name}</button>`);
    return page(response, 200, `<h1>Choisissez votre compte</h1><form method="post">${people.join("")}
      <button name="who" value="">Refuser</button></form>`);
  }
  let body = "";
  for await (const part of request) body += part;
  const who = new URLSearchParams(body).get("who");
  const result = who
    ? { login: { accountId: who, acr: ACR[who] ?? "eidas1", amr: ["fc"] } }
    : { error: "access_denied", error_description: "User auth aborted" };
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

function page(response, status, html) {
  response.writeHead(status, { "content-type": "text/html; charset=utf-8" });
  response.end(`<!doctype html><html lang="fr"><title>FranceConnect</title>${html}</html>`);
}

function client(id, portal, place) {
  return {
    client_id: id,
    client_secret: `a secret of the tests, for ${id} alone`,
    redirect_uris: [`${portal}${place}/retour`],
    post_logout_redirect_uris: [`${portal}${place}/deconnexion`],
    grant_types: ["authorization_code"],
    response_types: ["code"],
    token_endpoint_auth_method: "client_secret_post",
    id_token_signed_response_alg: "ES256",
    userinfo_signed_response_alg: "ES256",
    subject_type: "pairwise",
  };
}

function configuration(portal) {
  const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
  return {
    clients: [client("residents", portal, "/franceconnect"), client("agents", portal, "/agents/proconnect")],
    jwks: { keys: [{ ...key, alg: "ES256", use: "sig", kid: "one" }] },
    subjectTypes: ["pairwise"],
    pairwiseIdentifier: (_, account, { clientId }) => createHash("sha256").update(`${clientId} ${account}`).digest("hex"),
    routes: { authorization: "/authorize", token: "/token", userinfo: "/userinfo", jwks: "/jwks", end_session: "/session/end" },
    features: {
      devInteractions: { enabled: false },
      jwtUserinfo: { enabled: true },
      claimsParameter: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (context, form) => {
          context.body = `<!doctype html><html lang="fr"><title>FranceConnect</title><h1>Déconnexion de FranceConnect</h1>${form}
            <button name="logout" value="yes" form="op.logoutForm">Se déconnecter</button></html>`;
        },
      },
    },
    pkce: { required: () => false },
    ttl: { AccessToken: 60, AuthorizationCode: 30, IdToken: 60, Grant: 1800, Interaction: 1800, Session: 1800 },
    acrValues: ["eidas1", "eidas2"],
    scopes: ["openid"],
    claims: {
      openid: ["sub"], identite_pivot: PIVOT, email: ["email"], preferred_username: ["preferred_username"],
      given_name: ["given_name"], usual_name: ["usual_name"], uid: ["uid"], acr: null, amr: null,
    },
    clientAuthMethods: ["client_secret_post"],
    responseTypes: ["code"],
    enabledJWA: { idTokenSigningAlgValues: ["ES256"], userinfoSigningAlgValues: ["ES256"] },
    cookies: { keys: ["a key of the tests"] },
    interactions: { url: (_, { uid }) => `${BASE}/interaction/${uid}` },
    findAccount: (_, id) => PEOPLE[id] && { accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) },
    // What the portal asks for is what it was declared to need: nobody is asked again.
    loadExistingGrant: async ({ oidc }) => {
      const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
      grant.addOIDCScope([...oidc.requestParamScopes].join(" "));
      await grant.save();
      return grant;
    },
    renderError: (context, out) => {
      context.type = "html";
      context.body = `<h1>${out.error}</h1><p>${out.error_description ?? ""}</p>`;
    },
  };
}
