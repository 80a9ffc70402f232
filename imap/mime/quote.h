/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings as IMAP sends them (RFC 3501 section 9: quoted, literal, nstring), in the forms that
 * Dovecot chooses. Pure appends to a byte string; input is free of NUL. Any thread.
 */
#ifndef WIREMAP_MIME_QUOTE_H
#define WIREMAP_MIME_QUOTE_H

#include "bytes.h"

/* A quoted string where one can carry the text, else a literal. */
void quote_string(struct bytes *out, struct span text);

/* The same with every CR and LF dropped first: what a folded field's value becomes. */
void quote_unfolded(struct bytes *out, struct span text);

/* For text that people read (subjects, display names): white space squeezed, line ends dropped;
 * a literal as soon as anything had to change. */
void quote_words(struct bytes *out, struct span text);

#endif
