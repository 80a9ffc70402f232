/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RACK-TLP (RFC 8985), for peers with SACK: what was sent long enough before something that has
 * arrived is lost; and when nothing arrives, the last segment is sent again to learn more before
 * the retransmission timer gives the whole flight up.
 */
#ifndef WIREMAP_TCP_RACK_H
#define WIREMAP_TCP_RACK_H

#include "scoreboard.h"

/* 6.2, steps 3 and 4: what the acknowledgement says about reordering. */
void tcp_rack_reordering(struct connection *c, const struct delivery *delivery);
/* An end of fast or RTO recovery, for step 4. */
void tcp_rack_recovered(struct connection *c);
/* 6.2, step 5: marks what is lost. Returns how many; what may yet turn out to be lost is looked at
 * again after *wait_us_r, 0: there is none. */
uint32_t tcp_rack_detect(struct tcp *tcp, struct connection *c, uint32_t *wait_us_r);
/* 6.3, when the retransmission timer has expired. Without a scoreboard all is lost. */
void tcp_rack_timeout(struct tcp *tcp, struct connection *c);

/* Whether a loss probe is due when nothing is heard (7.2), and after how many microseconds. */
bool tcp_tlp_allowed(const struct connection *c);
uint32_t tcp_tlp_wait_us(const struct connection *c);
/* Its time has come (7.3). */
void tcp_tlp_send(struct tcp *tcp, struct connection *c);
/* What the acknowledgement says about it. True: it has repaired a loss, to which congestion control
 * is to react (7.4.2). */
bool tcp_tlp_acked(struct tcp *tcp, struct connection *c, const struct delivery *delivery,
		   bool blocks);

#endif
