/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include <arpa/inet.h>
#include <rte_arp.h>

#include "check.h"

/*
 * ARP for IPv4 over Ethernet (RFC 826). Who asks for an address of ours is remembered, as we are
 * about to talk to it; answers and announcements change only what we asked for or know. Nobody
 * outside the subnets of ours gets an entry, and nobody gets ours: RFC 5227 2.4 (b).
 */

enum {
	ARP_BYTES = sizeof(struct rte_arp_hdr),
	FRAME_BYTES_MIN = 60,  /* IEEE 802.3: the shortest frame, without its check sequence */
	DEFEND_MS = 10 * 1000, /* RFC 5227 1.1: DEFEND_INTERVAL */
	NS_PER_MS = 1000000,
};

static_assert(ARP_BYTES == 28, "RFC 826");

static const uint8_t all[RTE_ETHER_ADDR_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t nobody[RTE_ETHER_ADDR_LEN];

struct arp_party {
	uint32_t ip; /* network order */
	const uint8_t *mac;
};

static bool arp_send(struct net *net, uint8_t link_number, uint16_t vlan, uint16_t opcode,
		     const uint8_t dst_mac[6], uint32_t sender_ip, struct arp_party target)
{
	struct link *link = &net->links[link_number];
	struct rte_mbuf *frame = rte_pktmbuf_alloc(net->pool);
	struct rte_arp_hdr *arp;
	uint8_t *at;

	if (frame == NULL) {
		count(&net->stats.memory_dropped, 1);
		return false;
	}
	at = (uint8_t *)rte_pktmbuf_append(frame, FRAME_BYTES_MIN);
	ASSERT(at != NULL);
	memset(at, 0, FRAME_BYTES_MIN);
	at += link_header_write(at, link, vlan, dst_mac, RTE_ETHER_TYPE_ARP);
	arp = (struct rte_arp_hdr *)at;
	arp->arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER);
	arp->arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	arp->arp_hlen = RTE_ETHER_ADDR_LEN;
	arp->arp_plen = sizeof(uint32_t);
	arp->arp_opcode = rte_cpu_to_be_16(opcode);
	memcpy(&arp->arp_data.arp_sha, link->mac, RTE_ETHER_ADDR_LEN);
	memcpy(&arp->arp_data.arp_tha, target.mac, RTE_ETHER_ADDR_LEN);
	arp->arp_data.arp_sip = sender_ip;
	arp->arp_data.arp_tip = target.ip;
	link_put(net, link, frame);
	return true;
}

/* An address of ours from which to ask for `ip`. */
static uint32_t ask_from(const struct net *net, const struct neighbour *neighbour)
{
	const uint32_t ip = rte_cpu_to_be_32(neighbour->ip);
	uint32_t any = 0;

	for (unsigned k = 0; k < net->addresses_n; k++) {
		const struct address *ours = &net->addresses[k];

		if (ours->link != neighbour->port || ours->vlan != neighbour->vlan)
			continue;
		if ((ip & ours->mask) == ours->subnet)
			return ours->ip;
		any = ours->ip;
	}
	return any;
}

void arp_ask(void *owner, const struct neighbour *neighbour, bool unicast)
{
	struct net *net = owner;
	const struct arp_party target = {rte_cpu_to_be_32(neighbour->ip), nobody};

	if (arp_send(net, neighbour->port, neighbour->vlan, RTE_ARP_OP_REQUEST,
		     unicast ? neighbour->mac : all, ask_from(net, neighbour), target))
		count(&net->stats.arp_requests_out, 1);
}

void arp_announce(struct net *net, const struct address *address)
{
	const struct arp_party target = {address->ip, nobody};

	if (arp_send(net, address->link, address->vlan, RTE_ARP_OP_REQUEST, all, address->ip,
		     target))
		count(&net->stats.arp_requests_out, 1);
}

static bool is_well_formed(const struct rte_arp_hdr *arp)
{
	const uint16_t opcode = rte_be_to_cpu_16(arp->arp_opcode);

	return arp->arp_hardware == RTE_BE16(RTE_ARP_HRD_ETHER) &&
	       arp->arp_protocol == RTE_BE16(RTE_ETHER_TYPE_IPV4) &&
	       arp->arp_hlen == RTE_ETHER_ADDR_LEN && arp->arp_plen == sizeof(uint32_t) &&
	       (opcode == RTE_ARP_OP_REQUEST || opcode == RTE_ARP_OP_REPLY) &&
	       rte_is_valid_assigned_ether_addr(&arp->arp_data.arp_sha);
}

/* Somebody else has our address. We keep it, say so once in a while, and tell the operator. */
static void defend(struct net *net, struct address *ours, const uint8_t mac[6])
{
	const uint64_t now_ns = net_now_ns(net);
	char ip[INET_ADDRSTRLEN];

	count(&net->stats.arp_conflicts, 1);
	if (now_ns < ours->defend_after_ns)
		return;
	ours->defend_after_ns = now_ns + (uint64_t)DEFEND_MS * NS_PER_MS;
	log_line(net->env->log, LOG_LEVEL_WARNING,
		 "ARP: %02x:%02x:%02x:%02x:%02x:%02x claims %s, which is ours", mac[0], mac[1],
		 mac[2], mac[3], mac[4], mac[5],
		 inet_ntop(AF_INET, &ours->ip, ip, sizeof(ip)) != NULL ? ip : "?");
	arp_announce(net, ours);
}

/* The merge of RFC 826. */
static void learn(const struct arrival *arrival, const struct net_neighbour *heard, bool is_request,
		  bool is_for_us)
{
	struct net *net = arrival->net;
	const bool known =
		neighbour_find(net->neighbours, arrival->link, heard->vlan, heard->ip) != NULL;
	/* An answer that nobody here waits for may be for another core, which asked. */
	const bool others = !known && !is_request && is_for_us && net->cores_n > 1;
	const bool add = is_request && is_for_us;
	bool changed;

	if (!known && !add && !others) {
		count(&net->stats.arp_ignored, 1);
		return;
	}
	changed = neighbour_heard(net->neighbours, heard, arrival->link, add, false);
	if ((changed || others) && net->cores_n > 1 && limit_take(&net->learn, net_now_ns(net)))
		net->env->learnt(net->env, heard);
}

static void answer(const struct arrival *arrival, uint32_t ours, struct arp_party asker)
{
	struct net *net = arrival->net;

	if (!limit_take(&net->arp_reply, net_now_ns(net)))
		count(&net->stats.arp_limited, 1);
	else if (arp_send(net, arrival->link, arrival->vlan, RTE_ARP_OP_REPLY, asker.mac, ours,
			  asker))
		count(&net->stats.arp_replies_out, 1);
}

static void arp_heard(struct arrival *arrival, const struct rte_arp_hdr *arp)
{
	struct net *net = arrival->net;
	const bool is_request = arp->arp_opcode == RTE_BE16(RTE_ARP_OP_REQUEST);
	const struct arp_party sender = {arp->arp_data.arp_sip, arp->arp_data.arp_sha.addr_bytes};
	const uint32_t target_ip = arp->arp_data.arp_tip;
	const bool is_for_us =
		address_find_on(net, arrival->link, arrival->vlan, target_ip) != NULL;
	struct address *claimed = address_find_on(net, arrival->link, arrival->vlan, sender.ip);
	struct net_neighbour heard = {.ip = rte_be_to_cpu_32(sender.ip),
				      .vlan = arrival->vlan,
				      .port = net->links[arrival->link].port};

	count(is_request ? &net->stats.arp_requests_in : &net->stats.arp_replies_in, 1);
	for (unsigned k = 0; k < net->links_n; k++) {
		if (memcmp(sender.mac, net->links[k].mac, RTE_ETHER_ADDR_LEN) == 0) {
			count(&net->stats.arp_ignored, 1); /* our own, come back */
			return;
		}
	}
	if (claimed != NULL) {
		defend(net, claimed, sender.mac);
		return;
	}
	if (sender.ip == 0 && is_request) {
		/* RFC 5227 2.1.1: a probe for an address; nothing to learn from. */
		if (is_for_us)
			answer(arrival, target_ip, sender);
		return;
	}
	if (!address_is_near(net, arrival->link, arrival->vlan, sender.ip)) {
		count(&net->stats.arp_ignored, 1);
		return;
	}
	memcpy(heard.mac, sender.mac, sizeof(heard.mac));
	learn(arrival, &heard, is_request, is_for_us);
	if (is_request && is_for_us)
		answer(arrival, target_ip, sender);
}

void arp_input(struct arrival *arrival)
{
	struct rte_arp_hdr arp;

	if (!arrival_gather(arrival, arrival->link_len + ARP_BYTES)) {
		drop(arrival->frame, &arrival->net->stats.arp_malformed);
		return;
	}
	/* A copy: the frame may lie at any alignment. */
	memcpy(&arp, rte_pktmbuf_mtod_offset(arrival->frame, void *, arrival->link_len),
	       sizeof(arp));
	if (!is_well_formed(&arp)) {
		drop(arrival->frame, &arrival->net->stats.arp_malformed);
		return;
	}
	arp_heard(arrival, &arp);
	rte_pktmbuf_free(arrival->frame);
}
