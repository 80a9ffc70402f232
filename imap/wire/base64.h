/* SPDX-License-Identifier: Apache-2.0 */
/* The alphabet of base64 (RFC 4648 section 4), of which modified UTF-7 changes the last letter. */
#ifndef WIREMAP_WIRE_BASE64_H
#define WIREMAP_WIRE_BASE64_H

#include <stdint.h>

/* The six bits a letter stands for, or -1; `last` stands for 63. */
int base64_bits(uint8_t letter, uint8_t last);

#endif
