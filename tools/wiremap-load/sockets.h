/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream transport over the kernel's TCP and epoll: one thread that runs one engine, for servers
 * that are reached through the kernel. The application must take all it is offered and write no
 * more than one command at a time, as the engine does.
 */
#ifndef WIREMAP_LOAD_SOCKETS_H
#define WIREMAP_LOAD_SOCKETS_H

#include "engine.h"

struct sockets;

/* `peer` in network order. 0 or -errno. The engine's clock, connect and transport are set here. */
int sockets_create(struct load_engine *engine, uint32_t peer, uint16_t port,
		   struct sockets **sockets_r);
/* Starts the thread, on `cpu` (-1: any). 0 or -errno. */
int sockets_start(struct sockets *sockets, int cpu);
/* The engine must be in LOAD_IDLE. */
void sockets_destroy(struct sockets **sockets);
/* Time of its thread not spent waiting in epoll, ns. */
uint64_t sockets_busy_ns(const struct sockets *sockets);

#endif
