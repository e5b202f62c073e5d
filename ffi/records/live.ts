/**
 * Live views: objects whose properties, or elements, are in memory.
 *
 * A class is made for each record and for each kind of array. What a property does is put together of the field's own
 * functions when the record is declared; where it is called, V8 makes of that what it makes of a `DataView` with the
 * offset written out. Therefore these functions are short.
 *
 * @module
 */
import { LibcError } from "../errors.ts";
import { shown } from "../native/check.ts";
import { tracing } from "../native/observer.ts";
import { check, type Operation, type Part, type Place } from "./place.ts";

/** Where a view lies. */
export interface Placed {
  /** The bytes. */
  readonly place: Place;
  /** What it is a view of. */
  readonly part: Part;
  /** Where in the place. */
  readonly at: number;
  /** How many elements, of an array. */
  readonly length: number;
}

/** Where the next view is to lie; without that, none can be made. */
let next: Placed | undefined;

/** Where a live view lies; undefined for what is none. */
export let placedOf: (value: unknown) => Placed | undefined;
/** Gives a class the property for a record's field. */
export let defineField: (of: LiveClass, name: string, at: number, part: Part, index: number, syscall: string) => void;
/** Gives a class the functions for an array's elements. */
export let defineElements: (of: LiveClass, element: Part) => void;

/** A class of views. */
export interface LiveClass {
  readonly prototype: Live;
  new (): Live;
}

/** Makes a view. */
export function live(of: LiveClass, place: Place, part: Part, at: number, length = 0): Live {
  next = { place, part, at, length };
  return new of();
}

/** A number from 0 that is less than another. */
function inside(index: number, length: number, { syscall }: Place): void {
  if (typeof index !== "number" || !(index >= 0 && index < length) || Math.floor(index) !== index) {
    const most = length === 0 ? "there are no elements" : `index must be 0 to ${length - 1}`;
    throw new LibcError(syscall, "EINVAL", `${most}, got ${shown(index)}`);
  }
}

/** A record or an array in memory. */
export class Live {
  readonly #view: DataView<ArrayBuffer>;
  readonly #place: Place;
  readonly #part: Part;
  readonly #length: number;
  #at: number;
  #children: Live[] | undefined; // those that were asked for

  static {
    placedOf = (value) =>
      typeof value === "object" && value !== null && #place in value
        ? { place: value.#place, part: value.#part, at: value.#at, length: value.#length }
        : undefined;

    const failed = (of: Live, error: unknown, name: string): LibcError => {
      if (error instanceof LibcError) return error;
      if (typeof of === "object" && of !== null && #place in of) return of.#place.failed(error, name);
      return new LibcError("record", "EINVAL", `${name} was asked of what is no view`);
    };

    defineField = ({ prototype }, name, at, part, index, syscall) => {
      const { read, write, words, live, size } = part;
      const accessors: Pick<PropertyDescriptor, "get" | "set"> = live
        ? {
          get(this: Live) {
            try {
              const child = (this.#children ??= [])[index] ??= live(this.#place, 0) as Live;
              child.#at = this.#at + at; // this one may have moved
              return child;
            } catch (error) {
              throw failed(this, error, name);
            }
          },
          set(this: Live, value: unknown) {
            try {
              this.#place.put(part, this.#at + at, value, name, syscall);
            } catch (error) {
              throw failed(this, error, name);
            }
          },
        }
        : words
        ? {
          get(this: Live) {
            try {
              const value = Atomics.load(this.#place.words(words), (this.#at + at) / size);
              if (tracing.current !== undefined) this.#place.tell("read", part, this.#at + at, value);
              return value;
            } catch (error) {
              throw failed(this, error, name);
            }
          },
          set(this: Live, value: unknown) {
            try {
              check(part, value, name, syscall);
              Atomics.store(this.#place.words(words), (this.#at + at) / size, value as number);
              if (tracing.current !== undefined) this.#place.tell("write", part, this.#at + at, value);
            } catch (error) {
              throw failed(this, error, name);
            }
          },
        }
        : {
          get(this: Live) {
            try {
              const value = read(this.#view, this.#at + at);
              if (tracing.current !== undefined) this.#place.tell("read", part, this.#at + at, value);
              return value;
            } catch (error) {
              throw failed(this, error, name);
            }
          },
          set(this: Live, value: unknown) {
            try {
              write(this.#view, this.#at + at, value, name, syscall);
              if (tracing.current !== undefined) this.#place.tell("write", part, this.#at + at, value);
            } catch (error) {
              throw failed(this, error, name);
            }
          },
        };
      Object.defineProperty(prototype, name, { ...accessors, enumerable: true });
    };

    defineElements = ({ prototype }, element) => {
      const { read, write, words, live, size } = element;
      const get = live
        ? function (this: Live, index: number): unknown {
          try {
            inside(index, this.#length, this.#place);
            return live(this.#place, this.#at + index * size);
          } catch (error) {
            throw failed(this, error, "the element");
          }
        }
        : words
        ? function (this: Live, index: number): unknown {
          try {
            inside(index, this.#length, this.#place);
            const at = this.#at + index * size;
            const value = Atomics.load(this.#place.words(words), at / size);
            if (tracing.current !== undefined) this.#place.tell("read", element, at, value);
            return value;
          } catch (error) {
            throw failed(this, error, "the element");
          }
        }
        : function (this: Live, index: number): unknown {
          try {
            inside(index, this.#length, this.#place);
            const value = read(this.#view, this.#at + index * size);
            if (tracing.current !== undefined) this.#place.tell("read", element, this.#at + index * size, value);
            return value;
          } catch (error) {
            throw failed(this, error, "the element");
          }
        };
      const set = live
        ? function (this: Live, index: number, value: unknown): void {
          try {
            inside(index, this.#length, this.#place);
            this.#place.put(element, this.#at + index * size, value, "the element", this.#place.syscall);
          } catch (error) {
            throw failed(this, error, "the element");
          }
        }
        : words
        ? function (this: Live, index: number, value: unknown): void {
          try {
            inside(index, this.#length, this.#place);
            check(element, value, "the element", this.#place.syscall);
            Atomics.store(this.#place.words(words), (this.#at + index * size) / size, value as number);
            if (tracing.current !== undefined) this.#place.tell("write", element, this.#at + index * size, value);
          } catch (error) {
            throw failed(this, error, "the element");
          }
        }
        : function (this: Live, index: number, value: unknown): void {
          try {
            inside(index, this.#length, this.#place);
            write(this.#view, this.#at + index * size, value, "the element", this.#place.syscall);
            if (tracing.current !== undefined) this.#place.tell("write", element, this.#at + index * size, value);
          } catch (error) {
            throw failed(this, error, "the element");
          }
        };
      const move = function (this: Live, view: Live, index: number): Live {
        try {
          inside(index, this.#length, this.#place);
          if (view.#part !== element || view.#place !== this.#place) {
            throw new LibcError(this.#place.syscall, "EINVAL", "view is no element of this array");
          }
          view.#at = this.#at + index * size;
          return view;
        } catch (error) {
          throw failed(this, error, "view");
        }
      };
      const functions: Record<string, unknown> = { get, set, ...(live && { move }) };
      if (words) {
        for (const operation of ["add", "sub", "and", "or", "xor", "exchange"] satisfies Operation[]) {
          functions[operation] = function (this: Live, index: number, value: unknown): unknown {
            try {
              inside(index, this.#length, this.#place);
              return this.#place.operate(
                operation,
                element,
                this.#at + index * size,
                value,
                "value",
                this.#place.syscall,
              );
            } catch (error) {
              throw failed(this, error, "the element");
            }
          };
        }
        functions.compareExchange = function (this: Live, index: number, expected: unknown, replacement: unknown) {
          try {
            inside(index, this.#length, this.#place);
            return this.#place.exchange(element, this.#at + index * size, expected, replacement, this.#place.syscall);
          } catch (error) {
            throw failed(this, error, "the element");
          }
        };
      }
      for (const [name, value] of Object.entries(functions)) Object.defineProperty(prototype, name, { value });
    };
  }

  constructor() {
    const here = next;
    next = undefined;
    if (!here) throw new LibcError("record", "EINVAL", "views are made by the at() and arrayAt() of a record");
    this.#place = here.place;
    this.#view = here.place.view;
    this.#part = here.part;
    this.#at = here.at;
    this.#length = here.length;
  }

  /** Shows what is in memory when a view is logged: accessors of a prototype would not be seen. */
  [Symbol.for("Deno.customInspect")](inspect: typeof Deno.inspect, options: Deno.InspectOptions): string {
    const placed = placedOf(this);
    if (!placed) return "View {}";
    const { place, part, at, length } = placed;
    const name = part.element ? `array of ${length}` : place.path(part, at) || "record";
    try {
      return `${name} ${inspect(place.peek(part, at), options)}`;
    } catch {
      return `${name} (its memory is gone)`;
    }
  }
}

/** What all arrays have. */
export class LiveArray extends Live {
  get length(): number {
    return here(this).length;
  }

  toArray(): unknown[] {
    const { place, part, at } = here(this);
    return place.get(part, at, place.syscall) as unknown[];
  }

  write(values: unknown): void {
    const { place, part, at } = here(this);
    place.put(part, at, values, "values", place.syscall);
  }

  *[Symbol.iterator](): Generator<unknown> {
    const { length } = here(this);
    const { get } = this as unknown as { get(index: number): unknown };
    for (let i = 0; i < length; i++) yield get.call(this, i);
  }
}

function here(array: LiveArray): Placed {
  const placed = placedOf(array);
  if (placed) return placed;
  throw new LibcError("record", "EINVAL", "asked of what is no array of a record");
}
