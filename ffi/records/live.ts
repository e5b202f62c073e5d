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
import type { Operation, Part, Place } from "./place.ts";

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

/** Who has this may make views. */
const MAKER = Symbol("maker of views");

/** What is to be written to of memory that may only be read. */
const NOTHING = new DataView(new ArrayBuffer(0));

/** Where a live view lies; undefined for what is none. */
export let placedOf: (value: unknown) => Placed | undefined;
/** The property for a record's field. */
export let fieldAt: (name: string, at: number, part: Part, index: number, syscall: string) => Property;
/** The functions for an array's elements. */
export let elementsOf: (element: Part) => Readonly<Record<string, Property>>;

/** What a class of views has. */
export interface Property {
  /** While nobody watches, if there is a shorter way. */
  readonly plain?: PropertyDescriptor;
  /** What tells what it does. */
  readonly watched: PropertyDescriptor;
}

/** A class of views. */
export interface LiveClass {
  readonly prototype: Live;
  new (maker: symbol, place: Place, part: Part, at: number, length: number): Live;
}

/** The classes of the views of one part. */
export interface LiveClasses {
  /** Of most memory: it tells what is done with it as long as somebody wants to know. */
  readonly plain: LiveClass;
  /** Of a file's mapping: each access looks whether the file was long enough; and of what may only be read. */
  readonly watched: LiveClass;
  /** How the first of them is, and how while it tells. */
  readonly properties: Readonly<Record<string, Property>>;
}

const known = new Set<WeakRef<LiveClasses>>();

// what a view does without telling is so little that even to ask whether it should would take a third of the time
tracing.changes.push(() => {
  for (const reference of known) {
    const classes = reference.deref();
    if (classes) use(classes);
    else known.delete(reference);
  }
});

function use({ plain, properties }: LiveClasses): void {
  for (const [name, property] of Object.entries(properties)) {
    const { watched, plain: short = watched } = property;
    Object.defineProperty(plain.prototype, name, tracing.current ? watched : short);
  }
}

/** Makes the classes of a part's views. */
export function classesOf(base: LiveClass, properties: Readonly<Record<string, Property>>): LiveClasses {
  const classes: LiveClasses = { plain: class extends base {}, watched: class extends base {}, properties };
  for (const [name, { watched }] of Object.entries(properties)) {
    Object.defineProperty(classes.watched.prototype, name, watched);
  }
  use(classes);
  known.add(new WeakRef(classes));
  // who could put another class above them would be handed the memory, which may be only readable
  for (const one of [classes.plain, classes.watched, base]) Object.preventExtensions(one);
  return classes;
}

/** Makes a view. */
export function live({ plain, watched }: LiveClasses, place: Place, part: Part, at: number, length = 0): Live {
  return new (place.ofFile || place.readOnly ? watched : plain)(MAKER, place, part, at, length);
}

/** Whether a number is none from 0 to another. */
function isOutside(index: number, length: number): boolean {
  return !(index >= 0 && index < length) || Math.floor(index) !== index;
}

function outside({ syscall }: Place, length: number, index: unknown): never {
  const what = length === 0 ? "there are no elements" : `index must be 0 to ${length - 1}`;
  throw new LibcError(syscall, "EINVAL", `${what}, got ${shown(index)}`);
}

/** A property that is a function. */
function method(value: unknown): PropertyDescriptor {
  return { value, configurable: true };
}

/** A record or an array in memory. */
export class Live {
  readonly #view: DataView<ArrayBuffer>;
  readonly #target: DataView<ArrayBuffer>; // the same to be written to: any view can be given to any view's setter
  readonly #place: Place;
  readonly #part: Part;
  readonly #length: number;
  #at: number;
  #children: Live[] | undefined; // those that were asked for
  #element: Live | undefined; // a cursor's

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

    // called as a property, such that V8 does not reckon with a call in the middle of a loop before there was one
    const fails = { outside: (of: Live, index: unknown) => outside(of.#place, of.#length, index) };

    fieldAt = (name, at, part, index, syscall) => {
      const { read, write, words, live } = part;
      const property = (accessors: Pick<PropertyDescriptor, "get" | "set">): PropertyDescriptor => ({
        ...accessors,
        enumerable: true,
        configurable: true,
      });
      if (live) {
        return {
          watched: property({
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
          }),
        };
      }
      if (words) {
        return {
          watched: property({
            get(this: Live) {
              try {
                return this.#place.load(part, words, this.#at + at);
              } catch (error) {
                throw failed(this, error, name);
              }
            },
            set(this: Live, value: unknown) {
              try {
                this.#place.store(part, words, this.#at + at, value, name, syscall);
              } catch (error) {
                throw failed(this, error, name);
              }
            },
          }),
        };
      }
      return {
        plain: property({
          get(this: Live) {
            try {
              return read(this.#view, this.#at + at);
            } catch (error) {
              throw failed(this, error, name);
            }
          },
          set(this: Live, value: unknown) {
            try {
              write(this.#target, this.#at + at, value, name, syscall);
            } catch (error) {
              throw failed(this, error, name);
            }
          },
        }),
        watched: property({
          get(this: Live) {
            try {
              const value = read(this.#view, this.#at + at);
              this.#place.seen("read", part, this.#at + at, value);
              return value;
            } catch (error) {
              throw failed(this, error, name);
            }
          },
          set(this: Live, value: unknown) {
            try {
              this.#place.mindWrite();
              write(this.#target, this.#at + at, value, name, syscall);
              this.#place.seen("write", part, this.#at + at, value);
            } catch (error) {
              throw failed(this, error, name);
            }
          },
        }),
      };
    };

    elementsOf = (element): Record<string, Property> => {
      const { read, write, words, live, size } = element;
      const NAME = "the element";
      if (live) {
        class Cursor extends Live {
          constructor(array: Live) {
            if (placedOf(array)?.part.element !== element) {
              throw new LibcError("record", "EINVAL", "cursors are made by the cursor() of an array of records");
            }
            const place = array.#place.part(array.#part, array.#at, array.#length * size);
            super(MAKER, place, array.#part, 0, array.#length);
            this.#element = live!(place, 0) as Live;
          }

          get(index: number): Live {
            try {
              if (Math.floor(index) !== index) fails.outside(this, index);
              const view = this.#element!;
              const at = index * size;
              // that there is such a byte is the whole check: V8 makes less of it than of comparisons
              view.#view.getUint8(at);
              view.#at = at;
              return view;
            } catch (error) {
              if (error instanceof RangeError && this.#place.isThere) fails.outside(this, index);
              throw failed(this, error, NAME);
            }
          }
        }
        Object.preventExtensions(Cursor); // see classesOf
        return {
          get: {
            watched: method(function (this: Live, index: number): unknown {
              try {
                if (isOutside(index, this.#length)) fails.outside(this, index);
                return live(this.#place, this.#at + index * size);
              } catch (error) {
                throw failed(this, error, NAME);
              }
            }),
          },
          set: {
            watched: method(function (this: Live, index: number, value: unknown): void {
              try {
                if (isOutside(index, this.#length)) fails.outside(this, index);
                this.#place.put(element, this.#at + index * size, value, NAME, this.#place.syscall);
              } catch (error) {
                throw failed(this, error, NAME);
              }
            }),
          },
          cursor: {
            watched: method(function (this: Live): Live {
              try {
                // not by `new`: V8 would take the room that it has for inlining from the loop that comes then
                return Reflect.construct(Cursor, [this]);
              } catch (error) {
                throw failed(this, error, "the array");
              }
            }),
          },
        };
      }
      if (!words) {
        return {
          get: {
            plain: method(function (this: Live, index: number): unknown {
              try {
                if (isOutside(index, this.#length)) fails.outside(this, index);
                return read(this.#view, this.#at + index * size);
              } catch (error) {
                throw failed(this, error, NAME);
              }
            }),
            watched: method(function (this: Live, index: number): unknown {
              try {
                if (isOutside(index, this.#length)) fails.outside(this, index);
                const value = read(this.#view, this.#at + index * size);
                this.#place.seen("read", element, this.#at + index * size, value);
                return value;
              } catch (error) {
                throw failed(this, error, NAME);
              }
            }),
          },
          set: {
            plain: method(function (this: Live, index: number, value: unknown): void {
              try {
                if (isOutside(index, this.#length)) fails.outside(this, index);
                write(this.#target, this.#at + index * size, value, NAME, this.#place.syscall);
              } catch (error) {
                throw failed(this, error, NAME);
              }
            }),
            watched: method(function (this: Live, index: number, value: unknown): void {
              try {
                if (isOutside(index, this.#length)) fails.outside(this, index);
                this.#place.mindWrite();
                write(this.#target, this.#at + index * size, value, NAME, this.#place.syscall);
                this.#place.seen("write", element, this.#at + index * size, value);
              } catch (error) {
                throw failed(this, error, NAME);
              }
            }),
          },
        };
      }
      /** Does something with an element that there is. */
      const at = <T>(array: Live, index: number, act: (place: Place, at: number) => T): T => {
        try {
          if (isOutside(index, array.#length)) fails.outside(array, index);
          return act(array.#place, array.#at + index * size);
        } catch (error) {
          throw failed(array, error, NAME);
        }
      };
      const operations = ["add", "sub", "and", "or", "xor", "exchange"] satisfies Operation[];
      return {
        get: {
          watched: method(function (this: Live, index: number): unknown {
            return at(this, index, (place, at) => place.load(element, words, at));
          }),
        },
        set: {
          watched: method(function (this: Live, index: number, value: unknown): void {
            at(this, index, (place, at) => place.store(element, words, at, value, NAME, place.syscall));
          }),
        },
        compareExchange: {
          watched: method(function (this: Live, index: number, expected: unknown, replacement: unknown): unknown {
            return at(this, index, (place, at) => place.exchange(element, at, expected, replacement, place.syscall));
          }),
        },
        ...Object.fromEntries(operations.map((operation) => [operation, {
          watched: method(function (this: Live, index: number, value: unknown): unknown {
            return at(this, index, (place, at) => place.operate(operation, element, at, value, "value", place.syscall));
          }),
        }])),
      };
    };
  }

  constructor(maker: symbol, place: Place, part: Part, at: number, length: number) {
    if (maker !== MAKER) {
      throw new LibcError("record", "EINVAL", "views are made by the at() and arrayAt() of a record");
    }
    this.#place = place;
    this.#view = place.view;
    this.#target = place.readOnly ? NOTHING : place.view;
    this.#part = part;
    this.#at = at;
    this.#length = length;
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
    for (let i = 0; i < here(this).length; i++) {
      const { place, part, at } = here(this); // whoever iterates may have moved it meanwhile
      yield place.element(part.element!, at + i * part.element!.size);
    }
  }
}

function here(array: LiveArray): Placed {
  const placed = placedOf(array);
  if (placed) return placed;
  throw new LibcError("record", "EINVAL", "asked of what is no array of a record");
}
