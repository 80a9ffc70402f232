/* SPDX-License-Identifier: Apache-2.0 */
/* ROLE_SERVE: the services on a loop, until a signal or --seconds. */
#ifndef STREAMD_SERVE_H
#define STREAMD_SERVE_H

#include "patience.h"
#include "wire.h"

/* 0, or -errno after it has said why. */
int serve(const struct options *options, const struct wire *wire, struct span file,
	  struct patience *patience, struct log *log);

#endif
