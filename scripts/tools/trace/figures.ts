/**
 * `deno task figures`: draws the slides' figures anew, from runs of the demos.
 *
 * @module
 */
import { DEMOS } from "../demos/list.ts";
import { traceCommand } from "./trace.ts";

if (Deno.args.length > 0) {
  console.error("usage: deno task figures (it takes no arguments, and draws all of scripts/figures anew)");
  Deno.exit(2);
}
const folder = new URL("../../figures/", import.meta.url).pathname;
for (const { name } of DEMOS) {
  console.log(name);
  const code = await traceCommand([name, "--svg", `${folder}${name}.svg`]);
  if (code !== 0) Deno.exit(code);
}
