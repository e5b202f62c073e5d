/**
 * `deno task figures`: draws the slides' figures anew, from runs of the demos.
 *
 * @module
 */
import { DEMOS } from "../demos/list.ts";
import { traceCommand } from "./trace.ts";

const folder = new URL("../../figures/", import.meta.url).pathname;
for (const { name } of DEMOS) {
  console.log(name);
  const code = await traceCommand([name, "--svg", `${folder}${name}.svg`]);
  if (code !== 0) Deno.exit(code);
}
