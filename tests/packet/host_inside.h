/* SPDX-License-Identifier: Apache-2.0 */
/* What host.c and probe.c share. */
#ifndef WIREMAP_TESTS_HOST_INSIDE_H
#define WIREMAP_TESTS_HOST_INSIDE_H

#include "host.h"

extern const uint8_t host_addr[16];

/* Byte `at` of what we say, or of what a peer says. */
uint8_t host_byte(bool ours, uint64_t at);

void host_open_failed(struct stream_app *app, struct stream_ref ref, enum stream_reason reason);

__attribute__((format(printf, 2, 3))) void host_fault(struct host *host, const char *format, ...);

#endif
