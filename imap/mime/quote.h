/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings as IMAP sends them (RFC 3501 section 9: quoted, literal, nstring), in the forms that
 * Dovecot chooses. Pure appends to a byte string. Any thread.
 */
#ifndef WIREMAP_MIME_QUOTE_H
#define WIREMAP_MIME_QUOTE_H

#include "bytes.h"

/* A quoted string where one can carry the text, else a literal. The text has no NUL. */
void quote_string(struct bytes *out, struct span text);

/* The same of a raw field's value: unfolded, U+FFFD for NULs. */
void quote_unfolded(struct bytes *out, struct span text);

/* For text that people read (subjects, display names): white space squeezed, line ends dropped,
 * U+FFFD for NULs; a literal as soon as anything had to change. */
void quote_words(struct bytes *out, struct span text);

#endif
