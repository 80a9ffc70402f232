/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include <errno.h>

static unsigned slot_of(const struct net *net, uint32_t ip)
{
	return (unsigned)(ip * net->hash_key >> 48) % ADDRESS_SLOTS;
}

struct address *address_find(struct net *net, uint32_t ip)
{
	/* At most half of the slots are taken, so an empty one ends the search. */
	for (unsigned slot = slot_of(net, ip); net->address_slots[slot] != 0;
	     slot = (slot + 1) % ADDRESS_SLOTS) {
		struct address *address = &net->addresses[net->address_slots[slot] - 1];

		if (address->ip == ip)
			return address;
	}
	return NULL;
}

struct address *address_find_on(struct net *net, uint8_t link, uint16_t vlan, uint32_t ip)
{
	struct address *address = address_find(net, ip);

	return address != NULL && address->link == link && address->vlan == vlan ? address : NULL;
}

/* RFC 1122 3.2.1.3: none of "this network", loopback, multicast, reserved, broadcast. */
static bool is_unicast(uint32_t ip)
{
	const uint8_t first = (uint8_t)(rte_be_to_cpu_32(ip) >> 24);

	return first != 0 && first != 127 && first < 224;
}

bool address_is_host(const struct address *ours, uint32_t ip)
{
	if (!is_unicast(ip))
		return false;
	return ours->broadcast == 0 || (ip != ours->broadcast && ip != ours->subnet);
}

int address_add(struct net *net, const struct net_address *config, uint8_t link)
{
	struct address address = {.ip = rte_cpu_to_be_32(config->ip),
				  .gateway = rte_cpu_to_be_32(config->gateway),
				  .vlan = config->vlan,
				  .link = link};
	unsigned slot = slot_of(net, address.ip);

	if (net->addresses_n == NET_ADDRESSES_MAX || config->prefix == 0 || config->prefix > 32 ||
	    config->vlan >= VLANS - 1)
		return -EINVAL;
	address.mask = rte_cpu_to_be_32(UINT32_MAX << (32 - config->prefix));
	address.subnet = address.ip & address.mask;
	if (config->prefix < 31)
		address.broadcast = address.subnet | ~address.mask;
	if (!address_is_host(&address, address.ip) || address_find(net, address.ip) != NULL)
		return -EINVAL;
	if (address.gateway != 0 &&
	    (!address_is_host(&address, address.gateway) || address.gateway == address.ip))
		return -EINVAL;
	while (net->address_slots[slot] != 0)
		slot = (slot + 1) % ADDRESS_SLOTS;
	net->addresses[net->addresses_n++] = address;
	net->address_slots[slot] = (uint16_t)net->addresses_n;
	if (link != LINK_NONE)
		net->links[link].vlans[config->vlan / 8] |= (uint8_t)(1u << config->vlan % 8);
	return 0;
}

bool address_is_near(const struct net *net, uint8_t link, uint16_t vlan, uint32_t ip)
{
	for (unsigned k = 0; k < net->addresses_n; k++) {
		const struct address *ours = &net->addresses[k];

		if (ours->link != link || ours->vlan != vlan)
			continue;
		if (ip == ours->gateway)
			return true;
		if ((ip & ours->mask) == ours->subnet && address_is_host(ours, ip))
			return true;
	}
	return false;
}

uint32_t address_next_hop(const struct address *ours, uint32_t dst)
{
	if (!address_is_host(ours, dst))
		return 0;
	return (dst & ours->mask) == ours->subnet ? dst : ours->gateway;
}
