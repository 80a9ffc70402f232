/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BODY and BODYSTRUCTURE (RFC 3501 section 7.4.2) of a scanned message. Pure, any thread.
 */
#ifndef WIREMAP_MIME_STRUCTURE_H
#define WIREMAP_MIME_STRUCTURE_H

#include "scan.h"

/* Appends the parenthesised answer; `extended`: BODYSTRUCTURE. */
void structure_write(const struct scan *scan, bool extended, struct bytes *out);

#endif
