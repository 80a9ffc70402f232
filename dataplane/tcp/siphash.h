/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash (Aumasson and Bernstein, 2012), the keyed hash of short inputs. 2-4 where a
 * peer sees the output (initial sequence numbers, timestamps), 1-3 for hash tables, whose
 * output stays here. Pure functions, any thread.
 */
#ifndef WIREMAP_TCP_SIPHASH_H
#define WIREMAP_TCP_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* `len` bytes under the 128-bit key. */
uint64_t tcp_siphash24(const uint8_t key[16], const void *bytes, size_t len);
uint64_t tcp_siphash13(const uint8_t key[16], const void *bytes, size_t len);

#endif
