/* SPDX-License-Identifier: Apache-2.0 */
/* The dataplane's counters as JSON objects: one member per name of the lists in include/. Any
 * thread may call; the caller owns the object. */
#ifndef WIREMAPD_COUNTERS_H
#define WIREMAPD_COUNTERS_H

#include <jansson.h>

#include "loop.h"

json_t *counters_loop(const struct loop *loop, unsigned core);
json_t *counters_net(const struct loop *loop, unsigned core);
json_t *counters_tcp(const struct loop *loop, unsigned core);
json_t *counters_port(const struct port *port, const char *device);

#endif
