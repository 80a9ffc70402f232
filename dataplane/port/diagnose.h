/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in the way of a device or of EAL's memory, found before DPDK fails over it with a
 * number, and the command that helps. Control thread.
 */
#ifndef PORT_DIAGNOSE_H
#define PORT_DIAGNOSE_H

#include "port.h"

/* `device` as in `net_af_packet0,iface=veth0`. 0, or -ENODEV or -EINVAL with a text. */
int diagnose_device(const char *device, struct port_error *error_r);

/* Whether the free hugepages hold `memory_mb` (0: any at all) on each of `sockets` nodes, and EAL
 * can map them. 0 or -ENOMEM with a text. */
int diagnose_hugepages(unsigned memory_mb, unsigned sockets, bool in_memory,
		       struct port_error *error_r);

/* The value of `key` in a list of devargs, cut at value_bytes - 1; false: not there. */
bool device_argument(const char *device, const char *key, char *value_r, size_t value_bytes);

#endif
