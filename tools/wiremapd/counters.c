/* SPDX-License-Identifier: Apache-2.0 */
#include "counters.h"

/* The counters' names are those of the lists in include/. */
#define PUT(name) json_object_set_new(object, #name, json_integer((json_int_t)stats.name));

json_t *counters_loop(const struct loop *loop, unsigned core)
{
	json_t *object = json_object();
	struct loop_stats stats;

	loop_stats(loop, core, &stats);
	LOOP_COUNTERS(PUT)
	return object;
}

json_t *counters_net(const struct loop *loop, unsigned core)
{
	json_t *object = json_object();
	struct net_stats stats;

	loop_net_stats(loop, core, &stats);
	NET_COUNTERS(PUT)
	return object;
}

json_t *counters_tcp(const struct loop *loop, unsigned core)
{
	json_t *object = json_object();
	struct tcp_stats stats;

	loop_tcp_stats(loop, core, &stats);
	TCP_COUNTERS(PUT)
	PUT(connections)
	PUT(syn_received)
	return object;
}

json_t *counters_port(const struct port *port, const char *device)
{
	json_t *object = json_object();
	struct port_stats stats;

	port_stats(port, &stats);
	json_object_set_new(object, "device", json_string(device));
	json_object_set_new(object, "driver", json_string(port_driver(port)));
	json_object_set_new(object, "mtu", json_integer(port_mtu(port)));
	PUT(rx_frames)
	PUT(rx_bytes)
	PUT(rx_missed)
	PUT(rx_no_mbuf)
	PUT(tx_frames)
	PUT(tx_bytes)
	PUT(tx_dropped)
	PUT(tx_linearised)
	return object;
}
