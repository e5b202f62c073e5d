/**
 * What a position in a file counts from, for `<unistd.h>` and `<fcntl.h>`.
 *
 * @module
 */

/** From the beginning of the file. */
export const SEEK_SET = 0;
/** From where it is now. */
export const SEEK_CUR = 1;
/** From the end of the file. */
export const SEEK_END = 2;
/** To the next data from here on. */
export const SEEK_DATA = 3;
/** To the next hole from here on; the end of the file is one. */
export const SEEK_HOLE = 4;

/** All of them, by name. */
export const SEEK: Readonly<Record<string, number>> = { SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE };
