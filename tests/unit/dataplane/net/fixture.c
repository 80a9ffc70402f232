/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "eal.h"

const uint8_t our_mac[6] = {0x02, 0, 0, 0, 0, 0x01};
const uint8_t peer_mac[6] = {0x02, 0, 0, 0, 0, 0x02};
const uint8_t other_mac[6] = {0x02, 0, 0, 0, 0, 0x03};
const uint8_t all_macs[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

struct net_fragments world_fragments;

/* --- The port that is not there --- */

void port_mac(const struct port *port, uint8_t mac_r[6])
{
	(void)port;
	memcpy(mac_r, our_mac, sizeof(our_mac));
}

uint32_t port_mtu(const struct port *port)
{
	(void)port;
	return 1500;
}

uint32_t port_tso_bytes_max(const struct port *port)
{
	(void)port;
	return 0;
}

uint32_t port_segments_max(const struct port *port)
{
	(void)port;
	return 8;
}

unsigned port_owner(const struct port *port, uint32_t src_ip, uint32_t dst_ip, uint16_t src_port,
		    uint16_t dst_port)
{
	struct port *self = (struct port *)(uintptr_t)port;

	self->tuple_src = rte_be_to_cpu_32(src_ip);
	self->tuple_dst = rte_be_to_cpu_32(dst_ip);
	self->tuple_src_port = src_port;
	self->tuple_dst_port = dst_port;
	return port->owner;
}

unsigned port_transmit(struct port *port, unsigned queue, struct rte_mbuf **frames, unsigned n)
{
	assert_int_equal(queue, 0);
	assert_in_range(n, 0, PORT_BURST_MAX);
	assert_in_range(port->sent_n + n, 0, SENT_MAX);
	memcpy(&port->sent[port->sent_n], frames, n * sizeof(frames[0]));
	port->sent_n += n;
	port->transmits++;
	return port->held;
}

/* --- The loop that is not there --- */

static struct world *world_of(struct net_env *env)
{
	return (struct world *)((char *)env - offsetof(struct world, env));
}

static void clock_refresh(struct clock *clock)
{
	(void)clock;
}

static uint64_t env_random(struct net_env *env)
{
	static uint64_t state = 1;

	(void)env;
	state = state * 6364136223846793005u + 1442695040888963407u;
	return state ^ state >> 32;
}

static void env_hand_over(struct net_env *env, unsigned core, struct port *port,
			  struct rte_mbuf *frame)
{
	struct world *world = world_of(env);

	assert_ptr_equal(port, &world->port);
	assert_null(world->handed);
	world->handed = frame;
	world->handed_to = core;
}

static void env_learnt(struct net_env *env, const struct net_neighbour *neighbour)
{
	struct world *world = world_of(env);

	world->learnt = *neighbour;
	world->learnt_n++;
}

static void env_icmp_error(struct net_env *env, uint8_t type, uint8_t code, uint32_t mtu,
			   struct span quoted)
{
	struct world *world = world_of(env);

	world->error_type = type;
	world->error_code = code;
	world->error_mtu = mtu;
	assert_in_range(quoted.len, 28, sizeof(world->error_quoted));
	memcpy(world->error_quoted, quoted.ptr, quoted.len);
	world->error_quoted_len = quoted.len;
	world->errors_n++;
}

static void log_write(struct log *log, enum log_level level, const char *line)
{
	struct world *world = (struct world *)((char *)log - offsetof(struct world, log));

	(void)level;
	(void)line;
	world->log_lines++;
}

/* --- The world --- */

static struct rte_mempool *frames_pool;

static int setup(void **state, unsigned cores_n)
{
	static const unsigned queue_core[2] = {0, 1};
	struct world *world = calloc(1, sizeof(*world));
	const struct net_port net_port = {&world->port, 0, queue_core};
	const struct net_address addresses[] = {
		{.ip = US, .prefix = 24, .gateway = GATEWAY, .port = &world->port},
		{.ip = US_VLAN, .prefix = 16, .vlan = VLAN, .port = &world->port},
	};
	const struct net_config config = {
		.ports = &net_port,
		.ports_n = 1,
		.addresses = addresses,
		.addresses_n = 2,
		.cores_n = cores_n,
		.fragments = world_fragments,
		.socket = -1,
		.name = "test",
	};

	world->clock = (struct clock){1000ull * SECOND, 0, clock_refresh};
	world->log = (struct log){log_write, LOG_LEVEL_DEBUG};
	world->env = (struct net_env){&world->clock, &world->log, env_random,
				      env_hand_over, env_learnt,  env_icmp_error};
	world->pool = frames_pool;
	*state = world;
	return net_create(&config, &world->env, &world->net);
}

int world_setup(void **state)
{
	return setup(state, 1);
}

int world_setup_two_cores(void **state)
{
	return setup(state, 2);
}

int world_teardown(void **state)
{
	struct world *world = *state;

	world_sent_free(world);
	rte_pktmbuf_free(world->handed);
	net_destroy(&world->net);
	assert_null(world->net);
	/* A pool that is still there was not full: a frame of it leaked. */
	assert_null(rte_mempool_lookup("test.net"));
	assert_null(rte_mempool_lookup("test.fragments"));
	assert_true(rte_mempool_full(world->pool));
	free(world);
	return 0;
}

struct rte_mbuf *world_frame(struct world *world, const uint8_t *bytes, size_t len, size_t part)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(world->pool), *tail = frame;

	assert_non_null(frame);
	if (part == 0)
		part = len;
	for (size_t done = 0; done < len; done += part) {
		const size_t here = len - done < part ? len - done : part;

		if (done > 0) {
			tail->next = rte_pktmbuf_alloc(world->pool);
			tail = tail->next;
			assert_non_null(tail);
			frame->nb_segs++;
		}
		memcpy((char *)tail->buf_addr + tail->data_off, bytes + done, here);
		tail->data_len = (uint16_t)here;
		frame->pkt_len += (uint32_t)here;
	}
	return frame;
}

struct rte_mbuf *world_input(struct world *world, struct rte_mbuf *frame)
{
	struct rte_mbuf *packets[1];

	return net_input(world->net, &world->port, &frame, 1, packets) == 1 ? packets[0] : NULL;
}

struct rte_mbuf *world_sent(struct world *world)
{
	struct rte_mbuf *frame;

	net_flush(world->net);
	if (world->port.sent_n == 0)
		return NULL;
	assert_int_equal(world->port.sent_n, 1);
	frame = world->port.sent[0];
	world->port.sent_n = 0;
	return frame;
}

void world_sent_free(struct world *world)
{
	net_flush(world->net);
	rte_pktmbuf_free_bulk(world->port.sent, world->port.sent_n);
	world->port.sent_n = 0;
}

void world_mark(struct world *world)
{
	net_stats(world->net, &world->before);
}

struct net_stats world_grown(const struct world *world)
{
	struct net_stats now;

	net_stats(world->net, &now);
#define NET_COUNTER_SUBTRACT(name) now.name -= world->before.name;
	NET_COUNTERS(NET_COUNTER_SUBTRACT)
#undef NET_COUNTER_SUBTRACT
	return now;
}

/* --- Bytes --- */

void bytes_put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

void bytes_put32(uint8_t *at, uint32_t value)
{
	bytes_put16(at, (uint16_t)(value >> 16));
	bytes_put16(at + 2, (uint16_t)value);
}

uint16_t bytes_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

uint32_t bytes_get32(const uint8_t *at)
{
	return (uint32_t)bytes_get16(at) << 16 | bytes_get16(at + 2);
}

uint16_t plain_sum(const uint8_t *at, size_t len, uint32_t sum)
{
	for (size_t k = 0; k < len; k++)
		sum += (uint32_t)at[k] << (k % 2 == 0 ? 8 : 0);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint8_t *grow(struct bytes *bytes, size_t len)
{
	uint8_t *at = bytes->at + bytes->len;

	assert_in_range(bytes->len + len, 0, sizeof(bytes->at));
	bytes->len += len;
	return at;
}

void bytes_ethernet(struct bytes *bytes, const uint8_t dst[6], const uint8_t src[6], uint16_t type)
{
	uint8_t *at = grow(bytes, 14);

	memcpy(at, dst, 6);
	memcpy(at + 6, src, 6);
	bytes_put16(at + 12, type);
}

void bytes_vlan(struct bytes *bytes, uint16_t tci, uint16_t type)
{
	uint8_t *at = grow(bytes, 4);

	bytes_put16(at, tci);
	bytes_put16(at + 2, type);
}

void bytes_ipv4_checksum(uint8_t *at)
{
	bytes_put16(at + 10, 0);
	bytes_put16(at + 10, (uint16_t)~plain_sum(at, (at[0] & 15u) * 4, 0));
}

void bytes_ipv4(struct bytes *bytes, uint32_t src, uint32_t dst, uint8_t protocol,
		size_t payload_len)
{
	uint8_t *at = grow(bytes, 20);

	memset(at, 0, 20);
	at[0] = 0x45;
	bytes_put16(at + 2, (uint16_t)(20 + payload_len));
	at[8] = 64;
	at[9] = protocol;
	bytes_put32(at + 12, src);
	bytes_put32(at + 16, dst);
	bytes_ipv4_checksum(at);
}

void bytes_tcp(struct bytes *bytes, uint32_t src, uint32_t dst, uint16_t src_port,
	       uint16_t dst_port, size_t payload_len)
{
	uint8_t *at = grow(bytes, 20 + payload_len), pseudo[12];

	memset(at, 0, 20);
	bytes_put16(at, src_port);
	bytes_put16(at + 2, dst_port);
	at[12] = 0x50;
	at[13] = 0x10;
	for (size_t k = 0; k < payload_len; k++)
		at[20 + k] = (uint8_t)(k * 3 + 1);
	bytes_put32(pseudo, src);
	bytes_put32(pseudo + 4, dst);
	bytes_put16(pseudo + 8, 6);
	bytes_put16(pseudo + 10, (uint16_t)(20 + payload_len));
	bytes_put16(at + 16, (uint16_t)~plain_sum(at, 20 + payload_len, plain_sum(pseudo, 12, 0)));
}

void bytes_echo(struct bytes *bytes, size_t payload_len)
{
	uint8_t *at = grow(bytes, 8 + payload_len);

	memset(at, 0, 8);
	at[0] = 8;
	bytes_put32(at + 4, 0x12340001);
	for (size_t k = 0; k < payload_len; k++)
		at[8 + k] = (uint8_t)(k * 5 + 2);
	bytes_put16(at + 2, (uint16_t)~plain_sum(at, 8 + payload_len, 0));
}

void bytes_arp(struct bytes *bytes, uint16_t opcode, const uint8_t sender_mac[6],
	       uint32_t sender_ip, uint32_t target_ip)
{
	uint8_t *at = grow(bytes, 28);

	memset(at, 0, 28);
	bytes_put16(at, 1);
	bytes_put16(at + 2, 0x0800);
	at[4] = 6;
	at[5] = 4;
	bytes_put16(at + 6, opcode);
	memcpy(at + 8, sender_mac, 6);
	bytes_put32(at + 14, sender_ip);
	bytes_put32(at + 24, target_ip);
}

struct bytes tcp_frame(size_t payload_len)
{
	struct bytes bytes = {.len = 0};

	bytes_ethernet(&bytes, our_mac, peer_mac, 0x0800);
	bytes_ipv4(&bytes, PEER, US, 6, 20 + payload_len);
	bytes_tcp(&bytes, PEER, US, 40000, 143, payload_len);
	return bytes;
}

struct bytes arp_frame(uint16_t opcode, uint32_t sender_ip, uint32_t target_ip)
{
	struct bytes bytes = {.len = 0};

	bytes_ethernet(&bytes, opcode == 1 ? all_macs : our_mac, peer_mac, 0x0806);
	bytes_arp(&bytes, opcode, peer_mac, sender_ip, target_ip);
	return bytes;
}

void mapped(uint8_t address_r[16], uint32_t ip)
{
	memset(address_r, 0, 10);
	memset(address_r + 10, 0xff, 2);
	bytes_put32(address_r + 12, ip);
}

int fixture_main(const char *name, const struct CMUnitTest *tests, size_t n)
{
	if (eal_start(64) != 0)
		return 1;
	frames_pool = rte_pktmbuf_pool_create("frames", 4095, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					      SOCKET_ID_ANY);
	if (frames_pool == NULL)
		return 1;
	return _cmocka_run_group_tests(name, tests, n, NULL, NULL);
}
