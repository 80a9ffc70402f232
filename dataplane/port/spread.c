/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"

/*
 * Who owns a tuple is decided here, in software; a device's own RSS, where it has one, is set to
 * agree. Where it cannot be, frames arrive at the wrong queue and are handed over: slower, not
 * wrong.
 */

/* 0 stands for the usual length (rte_ethdev.h). */
static unsigned key_bytes_of(const struct rte_eth_dev_info *info)
{
	return info->hash_key_size != 0 ? info->hash_key_size : TOEPLITZ_KEY_BYTES;
}

static bool device_spreads(const struct rte_eth_dev_info *info, unsigned queues_n)
{
	return queues_n > 1 && info->flow_type_rss_offloads & RTE_ETH_RSS_NONFRAG_IPV4_TCP &&
	       key_bytes_of(info) >= TOEPLITZ_TUPLE_BYTES + 4 &&
	       key_bytes_of(info) <= TOEPLITZ_KEY_BYTES_MAX;
}

/* Drivers copy the key but take no const. */
static uint8_t device_key[TOEPLITZ_KEY_BYTES_MAX];

static struct rte_eth_rss_conf rss_conf(const struct rte_eth_dev_info *info)
{
	/* All of it: it repeats itself, so a device that takes less has the same. */
	for (unsigned k = 0; k < sizeof(device_key); k++)
		device_key[k] = k % 2 == 0 ? PORT_RSS_KEY_WORD >> 8 : PORT_RSS_KEY_WORD & 0xff;
	return (struct rte_eth_rss_conf){
		.rss_key = device_key,
		.rss_key_len = (uint8_t)key_bytes_of(info),
		.rss_hf = RTE_ETH_RSS_NONFRAG_IPV4_TCP,
	};
}

void port_spread_configure(const struct rte_eth_dev_info *info, unsigned queues_n,
			   struct rte_eth_conf *conf)
{
	if (!device_spreads(info, queues_n))
		return;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf = rss_conf(info);
}

static void device_spread(const struct port *port, const struct rte_eth_dev_info *info)
{
	struct rte_eth_rss_reta_entry64 table[PORT_SPREAD_MAX / RTE_ETH_RETA_GROUP_SIZE] = {0};
	struct rte_eth_rss_conf conf = rss_conf(info);
	int status;

	for (unsigned k = 0; k < port->spread_n; k++) {
		table[k / RTE_ETH_RETA_GROUP_SIZE].mask |= 1ull << k % RTE_ETH_RETA_GROUP_SIZE;
		table[k / RTE_ETH_RETA_GROUP_SIZE].reta[k % RTE_ETH_RETA_GROUP_SIZE] =
			port->spread[k];
	}
	status = rte_eth_dev_rss_reta_update(port->id, table, (uint16_t)port->spread_n);
	/* Some drivers forget the key that they were configured with. */
	if (status == 0)
		status = rte_eth_dev_rss_hash_update(port->id, &conf);
	if (status != 0)
		log_line(port->log, LOG_LEVEL_WARNING,
			 "port %s: the device keeps a key or table of its own (%s): frames may "
			 "arrive at the wrong core and are handed over",
			 port->name, rte_strerror(-status));
}

void port_spread_init(struct port *port, const struct rte_eth_dev_info *info)
{
	const bool device = device_spreads(info, port->queues_n);

	toeplitz_table_init(&port->hash, PORT_RSS_KEY_WORD);
	port->spread_n =
		device && rte_is_power_of_2(info->reta_size) && info->reta_size <= PORT_SPREAD_MAX
			? info->reta_size
			: PORT_SPREAD_DEFAULT;
	for (unsigned k = 0; k < port->spread_n; k++)
		port->spread[k] = (uint16_t)(k % port->queues_n);
	if (device)
		device_spread(port, info);
	else if (port->queues_n > 1)
		log_line(port->log, LOG_LEVEL_INFO,
			 "port %s: no RSS in the device: cores hand over what they do not own",
			 port->name);
}

unsigned port_owner(const struct port *port, uint32_t src_ip, uint32_t dst_ip, uint16_t src_port,
		    uint16_t dst_port)
{
	uint32_t hash = toeplitz_table_hash(&port->hash, src_ip, dst_ip, src_port, dst_port);

	return port->spread[hash & (port->spread_n - 1)];
}
