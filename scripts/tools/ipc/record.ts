/**
 * `ipc record`: a file's records in another language.
 *
 * @module
 */
import { DESCRIPTION, type Description } from "../../../ffi/records/description.ts";
import { type Named, type RecordLanguage, textOf } from "../../../ffi/records/text.ts";
import { LibcError } from "../../../mod.ts";
import { json } from "../shared/escape.ts";
import { Failure, reasonOf, USAGE } from "../shared/failure.ts";

/** The records that a module exports, and those of them that are wanted. */
export interface Exported {
  readonly all: readonly Named[];
  readonly wanted: readonly Named[];
}

/** The records that a module exports; importing it runs it. */
export async function recordsOf(file: string, only?: string): Promise<Exported> {
  const here = new URL(`file://${Deno.cwd().split("/").map(encodeURIComponent).join("/")}/`);
  const url = /^\w+:/.test(file) ? file : new URL(file.split("/").map(encodeURIComponent).join("/"), here).href;
  let exported: Record<string, unknown>;
  try {
    exported = await import(url);
  } catch (error) {
    throw new Failure(`${file} cannot be imported: ${reasonOf(error).split("\n")[0]}`);
  }
  const all = Object.entries(exported).flatMap(([name, value]): Named[] => {
    const record = descriptionOf(value);
    return record ? [[record.name || name, record]] : [];
  });
  if (all.length === 0) throw new Failure(`${file} exports no record, such as: export const Reading = record({ … })`);
  if (only === undefined) return { all, wanted: all };
  const record = Object.hasOwn(exported, only) ? descriptionOf(exported[only]) : undefined;
  const wanted = all.filter(([name, one]) => name === only || one === record);
  if (wanted.length > 0) return { all, wanted };
  throw new Failure(`${file} exports no record ${only}, only ${all.map(([name]) => name).join(", ")}`, USAGE);
}

function descriptionOf(value: unknown): Description | undefined {
  if (typeof value !== "object" || value === null) return;
  return (value as { [DESCRIPTION]?: Description })[DESCRIPTION];
}

/** Their text. */
export function textOfRecords({ all, wanted }: Exported, language: RecordLanguage, file: string): string {
  const wrong = wanted.find(([name]) => !/^[A-Za-z_]\w*$/.test(name) || name === "default");
  if (wrong) throw new Failure(`the record exported as ${wrong[0]} needs a name: record({ … }, { name })`);
  const title = file.replace(/^.*\//, "").replace(/\.\w+$/, "");
  try {
    return textOf(wanted, language, title, all);
  } catch (error) {
    throw error instanceof LibcError ? new Failure(error.message.replace(/^.*?\((.*)\)$/s, "$1")) : error;
  }
}

/** The same as data. */
export function jsonOfRecords({ wanted }: Exported): string {
  return json(
    wanted.map(([name, { size, align, packed, fields }]) => ({
      name,
      size,
      align,
      packed,
      fields: fields.map(({ name, at, size }) => ({ name, offset: at, size })),
    })),
    2,
  );
}
