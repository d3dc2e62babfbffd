// Hydrates the server's page. Not inline, because the content security policy forbids inline scripts.
import "./composer.js";
import init, { hydrate } from "./frontend.js";
import { watchRows } from "./rows.js";

await init({ module_or_path: new URL("frontend_bg.wasm", import.meta.url) });
hydrate();
watchRows();
