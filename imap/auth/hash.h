/* SPDX-License-Identifier: Apache-2.0 */
/* Password hashes by libcrypt. Slow on purpose: never on a dataplane core. */
#ifndef WIREMAP_AUTH_HASH_H
#define WIREMAP_AUTH_HASH_H

#include <stdbool.h>

/* Whether `password` hashes to `hash`, a crypt(5) string; compared in constant time. */
bool hash_verify(const char *password, const char *hash);

#endif
