/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the wire itself can do. In bulk: ROLE_SEND sends the frames of a bulk transfer, without TCP,
 * from one core; ROLE_RECEIVE counts and frees them on another. Each frame carries 1,448 bytes of
 * payload behind 66 of Ethernet, IPv4 and TCP with timestamps; with --tso 45 times that in a chain
 * like the TCP's own. With --copy the payload is filled by memcpy from the file, in its order and
 * around; else it is whatever lies there.
 *
 * In turns: ROLE_ASK keeps --outstanding frames with 64 bytes of payload on their way, which
 * ROLE_REFLECT gives back as they are, and counts those that return.
 */
#ifndef STREAMD_FRAMES_H
#define STREAMD_FRAMES_H

#include "patience.h"
#include "wire.h"

/* Until a signal or --seconds. 0, or -errno after it has said why. */
int frames_send(const struct options *options, const struct wire *wire, struct span file,
		struct patience *patience, struct log *log);
/* For --seconds after the first frame and --warmup-ms; then writes the result. Likewise. */
int frames_receive(const struct options *options, const struct wire *wire,
		   struct patience *patience, struct log *log);

/* Until a signal or --seconds. */
int frames_reflect(const struct options *options, const struct wire *wire,
		   struct patience *patience);
/* As frames_receive(). */
int frames_ask(const struct options *options, const struct wire *wire, struct patience *patience,
	       struct log *log);

#endif
