/* SPDX-License-Identifier: Apache-2.0 */
#include "net.h"

#include <errno.h>
#include <rte_malloc.h>

#include "state.h"

enum {
	/* What strangers can make one core send, a second, and at once. */
	ECHO_PER_SECOND = 1000,
	ECHO_BURST = 100,
	ERRORS_PER_SECOND = 100,
	ERRORS_BURST = 20,
	ARP_REPLIES_PER_SECOND = 2000,
	ARP_REPLIES_BURST = 500,
	/* Neighbours told to the other cores; they ask for themselves when they hear nothing. */
	LEARNT_PER_SECOND = 1000,
	LEARNT_BURST = 200,
};

static void neighbours_changed(void *owner)
{
	struct net *net = owner;

	net->epoch++;
}

static const struct neighbour_ops neighbour_ops = {
	.ask = arp_ask,
	.release = output_release,
	.changed = neighbours_changed,
};

static void links_open(struct net *net, const struct net_config *config)
{
	for (unsigned k = 0; k < config->ports_n; k++) {
		const struct net_port *from = &config->ports[k];
		struct link *link = &net->links[k];

		link->port = from->port;
		link->queue = from->queue;
		link->queue_core = from->queue_core;
		link->mtu = port_mtu(from->port);
		port_mac(from->port, link->mac);
	}
	net->links_n = config->ports_n;
}

/* Addresses on ports of other cores are ours, too: nobody may send from them. */
static int addresses_open(struct net *net, const struct net_config *config)
{
	for (unsigned k = 0; k < config->addresses_n; k++) {
		const struct net_address *address = &config->addresses[k];
		uint8_t link = 0;
		int status;

		while (link < net->links_n && net->links[link].port != address->port)
			link++;
		status = address_add(net, address, link < net->links_n ? link : LINK_NONE);
		if (status != 0)
			return status;
	}
	return 0;
}

static int pools_open(struct net *net, const struct net_config *config)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "%s.net", config->name);
	net->pool = rte_pktmbuf_pool_create(name, POOL_FRAMES, POOL_CACHE, 0,
					    RTE_MBUF_DEFAULT_BUF_SIZE, config->socket);
	net->neighbours =
		neighbours_create(&neighbour_ops, net, net->env->clock, NET_NEIGHBOURS_MAX,
				  net->env->random(net->env), config->socket);
	return net->pool != NULL && net->neighbours != NULL ? 0 : -ENOMEM;
}

static uint32_t mtu_max(const struct net *net)
{
	uint32_t most = 0;

	for (unsigned k = 0; k < net->links_n; k++)
		most = RTE_MAX(most, net->links[k].mtu);
	return most;
}

int net_create(const struct net_config *config, struct net_env *env, struct net **net_r)
{
	struct net *net;
	int status;

	*net_r = NULL;
	if (config->ports_n > PORT_COUNT_MAX || config->addresses_n > NET_ADDRESSES_MAX ||
	    config->cores_n == 0 || config->core >= config->cores_n)
		return -EINVAL;
	net = rte_zmalloc_socket("net", sizeof(*net), RTE_CACHE_LINE_SIZE, config->socket);
	if (net == NULL)
		return -ENOMEM;
	net->env = env;
	net->core = config->core;
	net->cores_n = config->cores_n;
	net->hash_key = env->random(env) | 1;
	net->echo = limit_per_second(ECHO_PER_SECOND, ECHO_BURST);
	net->error = limit_per_second(ERRORS_PER_SECOND, ERRORS_BURST);
	net->arp_reply = limit_per_second(ARP_REPLIES_PER_SECOND, ARP_REPLIES_BURST);
	net->learn = limit_per_second(LEARNT_PER_SECOND, LEARNT_BURST);
	links_open(net, config);
	status = addresses_open(net, config);
	if (status == 0)
		status = pools_open(net, config);
	if (status == 0 && config->fragments.held_max > 0)
		status = fragments_create(config, mtu_max(net), net->hash_key, &net->fragments);
	if (status != 0) {
		net_destroy(&net);
		return status;
	}
	output_init(net);
	*net_r = net;
	return 0;
}

void net_destroy(struct net **net)
{
	struct net *gone = *net;

	if (gone == NULL)
		return;
	neighbours_destroy(&gone->neighbours);
	fragments_destroy(&gone->fragments);
	for (unsigned k = 0; k < gone->links_n; k++)
		rte_pktmbuf_free_bulk(gone->links[k].out, gone->links[k].out_n);
	/* A device may hold frames until its port is closed, which comes after: then the pool
	 * stays until the process ends. */
	if (gone->pool != NULL && rte_mempool_full(gone->pool))
		rte_mempool_free(gone->pool);
	rte_free(gone);
	*net = NULL;
}

static uint32_t ipv4_of(const uint8_t address[16])
{
	uint32_t ip;

	memcpy(&ip, address + 12, sizeof(ip)); /* RFC 4291 2.5.5.2 */
	return ip;
}

bool net_owns(void *owner, const uint8_t local[16], uint16_t local_port, const uint8_t peer[16],
	      uint16_t peer_port)
{
	struct net *net = owner;
	const uint32_t local_ip = ipv4_of(local);
	const struct address *ours = address_find(net, local_ip);
	const struct link *link;

	if (ours == NULL || ours->link == LINK_NONE)
		return false;
	link = &net->links[ours->link];
	return link->queue_core[port_owner(link->port, ipv4_of(peer), local_ip, peer_port,
					   local_port)] == net->core;
}

void net_neighbour_put(struct net *net, const struct net_neighbour *neighbour)
{
	for (uint8_t k = 0; k < net->links_n; k++)
		if (net->links[k].port == neighbour->port)
			neighbour_heard(net->neighbours, neighbour, k, true, true);
}

void net_announce(struct net *net)
{
	for (unsigned k = 0; k < net->addresses_n; k++)
		if (net->addresses[k].link != LINK_NONE)
			arp_announce(net, &net->addresses[k]);
	net_flush(net);
}

void net_advance(struct net *net)
{
	neighbours_advance(net->neighbours);
	if (net->fragments != NULL)
		fragments_advance(net->fragments, net_now_ns(net), &net->stats);
}

uint64_t net_next_ns(const struct net *net)
{
	uint64_t next_ns = neighbours_next_ns(net->neighbours);

	if (net->fragments != NULL)
		next_ns = RTE_MIN(next_ns, fragments_next_ns(net->fragments));
	/* Nobody says when a queue has room again: frames that wait for it are tried soon. */
	return net->wire.full > 0 ? RTE_MIN(next_ns, net_now_ns(net) + FULL_NS) : next_ns;
}

void net_stats(const struct net *net, struct net_stats *stats_r)
{
	struct neighbours_stats neighbours;

#define NET_COUNTER_READ(name) stats_r->name = __atomic_load_n(&net->stats.name, __ATOMIC_RELAXED);
	NET_COUNTERS(NET_COUNTER_READ)
#undef NET_COUNTER_READ
	neighbours_stats(net->neighbours, &neighbours);
	stats_r->arp_unanswered = neighbours.unanswered;
	stats_r->neighbours_evicted = neighbours.evicted;
}
