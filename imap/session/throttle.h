/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a source address must wait for its next try after failed logins. A
 * small table of one core: an address that is pushed out by another starts anew,
 * so the table slows guessing down and never locks anybody out. Private to imap/session.
 */
#ifndef WIREMAP_SESSION_THROTTLE_H
#define WIREMAP_SESSION_THROTTLE_H

#include <stdint.h>

enum throttle_limits {
	THROTTLE_SOURCES = 1024, /* remembered per core: 32 KiB */
	/* So many failures are free: people mistype, and phones retry an old password. */
	THROTTLE_FREE = 3,
	THROTTLE_MS_MAX = 15000, /* under the 30 s after which clients give up */
	/* One failure is forgiven per so many seconds. */
	THROTTLE_FORGIVE_S = 30,
};

struct throttle_source {
	uint8_t address[16];
	uint64_t counted_ns; /* when `failures` was brought up to date */
	uint32_t failures;
	uint32_t reserved;
};

struct throttle {
	struct throttle_source sources[THROTTLE_SOURCES];
};

/* Milliseconds the source has to wait before its next login is looked at. */
uint32_t throttle_delay_ms(struct throttle *throttle, const uint8_t address[16], uint64_t now_ns);
void throttle_failed(struct throttle *throttle, const uint8_t address[16], uint64_t now_ns);

#endif
