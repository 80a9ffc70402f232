/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A box in the middle that meddles: options taken out, windows and MSS rewritten, ECN bleached,
 * sequence numbers moved with SACK left as it was. Which of it, the configuration says.
 */
#ifndef WIREMAP_TESTS_SIM_MIDDLEBOX_H
#define WIREMAP_TESTS_SIM_MIDDLEBOX_H

#include "packet.h"

/* Where an option is taken out. */
enum middlebox_where { BOX_SYN = 1, BOX_SYN_ACK = 2, BOX_DATA = 4 };

struct middlebox_config {
	uint8_t strip_kind; /* 0: none */
	uint8_t strip_where;
	uint16_t window_max;  /* of the field, behind the handshake; 0: as it is */
	uint8_t window_shift; /* the field is made so much larger; 0: as it is */
	uint16_t mss_max;     /* 0: as it is */
	bool bleach;	      /* no ECN: neither in IP nor in the flags of a SYN */
	uint32_t shift[2];    /* sequence numbers of each end's segments are moved by */
};

struct middlebox {
	struct middlebox_config config;
};

/* Meddles with a packet from end `from`, `late` when faults are over. Returns whether it did. */
bool middlebox_pass(const struct middlebox *box, unsigned from, uint8_t *bytes, uint16_t len,
		    bool late);
/* Whether two correct ends may fail to talk through it: RFC 7323 3.2 has a segment without the
 * agreed timestamps dropped. */
bool middlebox_fatal(const struct middlebox_config *config);

#endif
