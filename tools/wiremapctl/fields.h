/* SPDX-License-Identifier: Apache-2.0 */
/* Header fields of a message, as far as an import needs them. Pure functions on bytes. */
#ifndef WIREMAPCTL_FIELDS_H
#define WIREMAPCTL_FIELDS_H

#include "span.h"

/* Bytes of the header, with its empty line if there is one. LF and CRLF are both line ends. */
size_t field_header_bytes(struct span message);
/* The value of the first field of that name (in lower case), still folded. False: there is none. */
bool field_find(struct span message, const char *name, struct span *value_r);

#endif
