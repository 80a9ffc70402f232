/* SPDX-License-Identifier: Apache-2.0 */
/* CRC32C (Castagnoli) by the SSE4.2 instruction. Pure; any thread. */
#ifndef WIREMAP_STORE_CRC32C_H
#define WIREMAP_STORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The CRC of `len` bytes that follow bytes of CRC `crc`; 0 to start. */
uint32_t store_crc32c(uint32_t crc, const void *bytes, size_t len);

#endif
