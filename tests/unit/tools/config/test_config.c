/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

static struct wiremap_config *config;
static struct config_error error;

static void parse(const char *text)
{
	int status = config_parse("test.yaml", text, &config, &error);

	if (status != 0)
		fail_msg("%s", error.text);
}

/* The text must be refused with a message that begins with the file and line and holds `words`. */
static void refused(const char *text, const char *words)
{
	assert_int_equal(config_parse("test.yaml", text, &config, &error), -EINVAL);
	assert_null(config);
	if (strstr(error.text, words) == NULL)
		fail_msg("wanted \"%s\", got \"%s\"", words, error.text);
	if (strncmp(error.text, "test.yaml:", 10) != 0)
		fail_msg("no file and line: %s", error.text);
}

static const char whole[] =
	"volumes: [/mail/one, '/mail/two words']\n"
	"users: /etc/users\n"
	"user: wiremap\n"
	"group: mail\n"
	"control_socket: /run/wiremap.sock\n"
	"stats_file: /tmp/s.json\n"
	"log: {level: debug}\n"
	"eal: {cores: [3, 5], memory_mb: 512, huge: false, in_memory: no, file_prefix: x,\n"
	"      single_file_segments: true, extra: [\"--log-level=lib.eal:8\"]}\n"
	"ports:\n"
	"  - {device: net_af_packet0, args: \"iface=veth0\", queues: 2, queue_cores: [1, 0],\n"
	"     mtu: 1500, rx_descriptors: 256, tx_descriptors: 512, tso: true,\n"
	"     checksum_offload: false, rx_interrupts: false, promiscuous: true}\n"
	"  - device: 0000:01:00.0\n"
	"addresses:\n"
	"  - {ip: 10.0.0.1/24, port: '0000:01:00.0', vlan: 7, gateway: 10.0.0.254}\n"
	"listen: [{address: 10.0.0.1, port: 1143}, {}]\n"
	"net: {fragments: reassemble, fragments_max: 100, fragments_timeout_ms: 500}\n"
	"tcp: {connections_max: 10, time_wait_max: 11, syn_received_max: 12,\n"
	"      source_syn_received_max: 13, source_connections_max: 14, source_syns_per_s: 15,\n"
	"      receive_bytes_max: 65536, send_bytes_max: 131072, packet_memory_mb: 8,\n"
	"      congestion: newreno, ecn: off, path_mtu_probing: off, quantum_us: 60}\n"
	"idle: {mode: poll, spin_us: 1, sleep_us: 2}\n"
	"workers: {store: 3, auth: 4, cpus: [1]}\n"
	"imap: {sessions_max: 5, command_bytes_max: 9000, command_buffers: 6,\n"
	"       login_timeout_s: 7, idle_timeout_s: 1900, plaintext_login: true,\n"
	"       greeting: Hello there}\n";

static void test_every_key(void **state)
{
	(void)state;
	parse(whole);
	assert_int_equal(config->volumes.n, 2);
	assert_string_equal(config->volumes.items[1], "/mail/two words");
	assert_string_equal(config->users, "/etc/users");
	assert_string_equal(config->group, "mail");
	assert_string_equal(config->control_socket, "/run/wiremap.sock");
	assert_int_equal(config->log.level, CONFIG_LOG_DEBUG);
	assert_int_equal(config->eal.cores.n, 2);
	assert_int_equal(config->eal.cores.items[1], 5);
	assert_false(config->eal.huge || config->eal.in_memory);
	assert_string_equal(config->eal.extra.items[0], "--log-level=lib.eal:8");
	assert_int_equal(config->ports.n, 2);
	assert_string_equal(config->ports.items[0].args, "iface=veth0");
	assert_int_equal(config->ports.items[0].queue_cores.items[0], 1);
	assert_true(config->ports.items[0].tso && config->ports.items[0].promiscuous);
	assert_false(config->ports.items[0].checksum_offload);
	assert_int_equal(config->ports.items[1].line, 14);
	assert_true(config->ports.items[1].checksum_offload);
	assert_int_equal(config->addresses.items[0].ip.ip, 0x0a000001);
	assert_int_equal(config->addresses.items[0].ip.prefix, 24);
	assert_int_equal(config->addresses.items[0].port_number, 1);
	assert_int_equal(config->addresses.items[0].gateway, 0x0a0000fe);
	assert_int_equal(config->listen.items[0].port, 1143);
	assert_int_equal(config->listen.items[1].port, 143);
	assert_int_equal(config->listen.items[1].address, 0);
	assert_int_equal(config->net.fragments, CONFIG_FRAGMENTS_REASSEMBLE);
	assert_int_equal(config->net.fragments_max, 100);
	assert_int_equal(config->net.fragments_timeout_ms, 500);
	assert_int_equal(config->tcp.congestion, CONFIG_NEWRENO);
	assert_int_equal(config->tcp.ecn, CONFIG_ECN_OFF);
	assert_int_equal(config->tcp.path_mtu_probing, CONFIG_OFF);
	assert_int_equal(config->tcp.source_syn_received_max, 13);
	assert_int_equal(config->tcp.source_connections_max, 14);
	assert_int_equal(config->tcp.source_syns_per_s, 15);
	assert_int_equal(config->eal.cores.line, 8);
	assert_int_equal(config->tcp.send_bytes_max, 131072);
	assert_int_equal(config->idle.mode, CONFIG_IDLE_POLL);
	assert_int_equal(config->workers.auth, 4);
	assert_true(config->imap.plaintext_login);
	assert_string_equal(config->imap.greeting, "Hello there");
	assert_int_equal(config_serves(config, &error), 0);
	config_free(&config);
	assert_null(config);
}

static void test_defaults(void **state)
{
	(void)state;
	parse("");
	assert_null(config->users);
	assert_int_equal(config->log.level, CONFIG_LOG_INFO);
	assert_true(config->eal.huge && config->eal.in_memory);
	assert_int_equal(config->net.fragments, CONFIG_FRAGMENTS_DROP);
	assert_int_equal(config->tcp.source_connections_max, 4096);
	assert_int_equal(config->idle.spin_us, 50);
	assert_int_equal(config->idle.sleep_us, 500);
	assert_int_equal(config->workers.store, 2);
	assert_int_equal(config->imap.command_bytes_max, 65536);
	assert_int_equal(config->imap.idle_timeout_s, 1800);
	assert_false(config->imap.plaintext_login);
	assert_non_null(config->imap.greeting);
	assert_int_equal(config_serves(config, &error), -EINVAL);
	assert_non_null(strstr(error.text, "volumes"));
	config_free(&config);
}

static void test_refused_with_line_and_remedy(void **state)
{
	(void)state;
	refused("users: /u\nuzers: /v\n", "test.yaml:2: uzers is no key of the configuration");
	refused("tcp:\n  quantum: 5\n", "test.yaml:2: quantum is no key of tcp: use connections");
	refused("users: /u\nusers: /v\n", ":2: users: stands here a second time");
	refused("log: {level: loud}\n", "write one of: error, warning, info, debug");
	refused("eal: {huge: maybe}\n", "huge: write true or false");
	refused("workers: {store: 0}\n", "store: write a whole number from 1 to 256");
	refused("workers: {store: 99999999999999999999}\n", "whole number");
	refused("workers: {store: -1}\n", "whole number");
	refused("workers: {store: [1]}\n", "whole number");
	refused("imap: {idle_timeout_s: 60}\n", "from 1800");
	refused("volumes: /mail\n", "volumes: write a list");
	refused("volumes: [[]]\n", "write a text");
	refused("volumes: [\"a\\0b\"]\n", "write a text");
	refused("users: \"a\\nb\"\n", "control characters");
	refused("log: [1]\n", "log: write keys and values");
	refused("- 1\n", "the configuration: write keys and values");
	refused("ports: [{queues: 1}]\n", "ports: device is missing");
	refused("addresses: [{ip: 10.0.0.1}]\n", "such as 10.0.0.1/24");
	refused("addresses: [{ip: 10.0.0.1/33}]\n", "such as 10.0.0.1/24");
	refused("addresses: [{ip: 10.0.0.256/8}]\n", "such as 10.0.0.1/24");
	refused("users: [\n", "not YAML");
	refused("users: \xff\n", "not YAML");
	refused("? [a]\n: b\n", "this is no key");
}

static void test_references(void **state)
{
	(void)state;
	refused("addresses:\n- {ip: 10.0.0.1/24, port: net_x}\n", ":2: addresses: port net_x is");
	refused("ports: [{device: a}, {device: b}]\naddresses: [{ip: 10.0.0.1/24}]\n",
		"say which port");
	refused("ports:\n- {device: a}\n- {device: a}\n", ":3: ports: a stands");
	refused("ports: [{device: a, queues: 2, queue_cores: [0]}]\n", "2 queues but 1");
	refused("ports: [{device: a, queue_cores: [0]}]\n", "no place in eal.cores");
	refused("addresses: [{ip: 10.0.0.1/24, gateway: 10.0.1.1}]\n", "outside");
	refused("listen: [{address: 10.0.0.1}]\n", "none of addresses");
}

/* However the file is cut, it is read or refused; sanitisers see the rest. */
static void test_cut_at_every_byte(void **state)
{
	char text[sizeof(whole)];

	(void)state;
	for (size_t len = 0; len < sizeof(whole); len++) {
		memcpy(text, whole, len);
		text[len] = '\0';
		if (config_parse("cut", text, &config, &error) != 0)
			assert_true(error.text[0] != '\0');
		config_free(&config);
	}
}

static void test_missing_file(void **state)
{
	(void)state;
	assert_int_equal(config_load("/nonexistent/x.yaml", &config, &error), -ENOENT);
	assert_non_null(strstr(error.text, "--config"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_refused_with_line_and_remedy),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_missing_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
