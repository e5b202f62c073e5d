/**
 * Records as data: what their texts in other languages are made of.
 *
 * @module
 */

/** A number as other languages call it. */
export interface NumberNames {
  /** C's type. */
  readonly c: string;
  /** That of Python's `ctypes`. */
  readonly python: string;
  /** The letter of Python's `struct`, of one for all machines. */
  readonly format: string;
  /** Rust's type. */
  readonly rust: string;
  /** Rust's type of one that is atomic. */
  readonly rustAtomic?: string;
}

/** What a field is. */
export type Described =
  | { readonly kind: "number"; readonly names: NumberNames; readonly atomic?: true }
  | { readonly kind: "enum"; readonly names: NumberNames; readonly values: Readonly<Record<string, number>> }
  | { readonly kind: "char" | "bytes" | "padding"; readonly length: number }
  | { readonly kind: "array"; readonly of: Described; readonly length: number; readonly size: number }
  | { readonly kind: "record"; readonly of: Description };

/** A field of a record. */
export interface DescribedField {
  /** Its name. */
  readonly name: string;
  /** Where it lies. */
  readonly at: number;
  /** Bytes. */
  readonly size: number;
  /** What its address is a multiple of, unless the record is packed. */
  readonly align: number;
  /** What it is. */
  readonly type: Described;
}

/** A record. */
export interface Description {
  /** Its name; empty if it was given none. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Its address is a multiple of this. */
  readonly align: number;
  /** Whether its fields lie one right behind the other. */
  readonly packed: boolean;
  /** Its fields, in their order. */
  readonly fields: readonly DescribedField[];
}

/** Under this symbol a record tells its description: also one of another copy of this library. */
export const DESCRIPTION: unique symbol = Symbol.for("ipc playground: description of a record") as never;
