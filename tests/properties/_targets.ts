/**
 * What an export has that can be called. The list is made of the exports themselves, so nothing new is forgotten.
 *
 * @module
 */

// deno-lint-ignore no-explicit-any -- anything
type Anything = any;

/** Something that can be called. */
export interface Target {
  /** As it is written: `shmget`, `new sembuf`, `SharedMemory.create`, `Socket.prototype.read`, `set timeval.tv_sec`. */
  readonly name: string;
  /** The parameters' names, as far as the source says them. */
  readonly parameters: readonly string[];
  /** Whether it belongs to one of the classes (or to what they return), and whether the receiver is given. */
  readonly method: boolean;
  /** The class that a receiver is of. */
  readonly of?: Anything;
  call(receiver: unknown, args: unknown[]): unknown;
}

/** The names of a function's parameters. */
export function parametersOf(f: Anything): string[] {
  let text = Function.prototype.toString.call(f);
  if (text.startsWith("class")) {
    const at = /\n\s+constructor\s*\(/.exec(text);
    if (at === null) {
      return Object.getPrototypeOf(f) === Function.prototype ? [] : parametersOf(Object.getPrototypeOf(f));
    }
    text = text.slice(at.index);
  }
  const open = text.indexOf("(");
  let depth = 0;
  let end = open;
  for (; end < text.length; end++) {
    if ("([{".includes(text[end])) depth++;
    if (")]}".includes(text[end]) && --depth === 0) break;
  }
  return text.slice(open + 1, end).replace(/\{[^}]*\}|\[[^\]]*\]/g, "options").split(",")
    .map((part) => part.replace(/=.*/s, "").trim()).filter((name) => name !== "")
    .flatMap((name) => name.startsWith("...") ? [name.slice(3), name.slice(3), name.slice(3)] : [name]);
}

const isClass = (value: unknown) =>
  typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value));
const keyText = (key: string | symbol) => typeof key === "symbol" ? `[${key.description}]` : key;

/** What an export has that can be called; nothing for a constant. */
export function targetsOf(name: string, value: unknown): Target[] {
  if (typeof value !== "function") return [];
  const f = value as Anything;
  if (!isClass(f)) {
    return [{ name, parameters: parametersOf(f), method: false, call: (_, args) => f(...args) }];
  }
  const list: Target[] = [{
    name: `new ${name}`,
    parameters: parametersOf(f),
    method: false,
    call: (_, args) => Reflect.construct(f, args),
  }];
  const members = (holder: Anything, prefix: string, of: Anything) => {
    for (const key of Reflect.ownKeys(holder)) {
      if (key === "constructor" || (of === undefined && ["length", "name", "prototype"].includes(String(key)))) {
        continue;
      }
      const { value, get, set } = Object.getOwnPropertyDescriptor(holder, key)!;
      const shared = { method: true, of };
      const name = `${prefix}${keyText(key)}`;
      if (key === Symbol.for("Deno.customInspect")) {
        list.push({ ...shared, name, parameters: [], call: (self) => Deno.inspect(self) }); // as Deno calls it
      } else if (typeof value === "function") {
        list.push({ ...shared, name, parameters: parametersOf(value), call: (self, args) => value.apply(self, args) });
      }
      if (get) list.push({ ...shared, name: `get ${name}`, parameters: [], call: (self) => get.call(self) });
      if (set) {
        const call = (self: unknown, args: unknown[]) => set.call(self, args[0]);
        list.push({ ...shared, name: `set ${name}`, parameters: [String(key)], call });
      }
    }
  };
  for (let holder = f; holder !== Function.prototype; holder = Object.getPrototypeOf(holder)) {
    if (holder === Error) break;
    members(holder, `${name}.`, undefined);
  }
  for (let holder = f.prototype; holder !== Object.prototype; holder = Object.getPrototypeOf(holder)) {
    if (holder === Error.prototype) break;
    members(holder, `${name}.prototype.`, f);
  }
  return list;
}
