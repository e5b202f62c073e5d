/**
 * What follows from a record's declaration, as types.
 *
 * @module
 */
import type { Field } from "./fields.ts";

/** The fields of a record by their names, in their order. */
export type Fields = Readonly<Record<string, Field>>;

/** What sorts of fields there are: values, which can be assigned, atomic ones, and parts, which are objects of their own. */
export type FieldSort = "value" | "atomic" | "part";

/** What a field is as a plain value. */
export type FieldValue<X> = X extends Field<infer T> ? T : never;

/** What a live view has in a field's place. */
export type FieldView<X> = X extends Field<unknown, infer V> ? V : never;

/** The names of fields of a sort, but for padding. */
export type FieldName<F, S extends FieldSort = FieldSort> = {
  [K in keyof F]: F[K] extends Field<infer T, unknown, S> ? [T] extends [never] ? never : K : never;
}[keyof F];

/** A record as a plain object. */
export type FieldValues<F> = { -readonly [K in FieldName<F>]: FieldValue<F[K]> };

/** A record in memory: each property is a field there. */
export type FieldViews<F> =
  & { -readonly [K in FieldName<F, "value" | "atomic">]: FieldView<F[K]> }
  & { readonly [K in FieldName<F, "part">]: FieldView<F[K]> };

/**
 * A record as a plain object, of a record's type: `type Reading = ValueOf<typeof Reading>`.
 *
 * @example See {@linkcode record}.
 */
export type ValueOf<R extends Field> = R extends Field<infer T> ? T : never;

/** What a live view of a record is, of a record's type: `ViewOf<typeof Reading>`. */
export type ViewOf<R extends Field> = R extends Field<unknown, infer V> ? V : never;
