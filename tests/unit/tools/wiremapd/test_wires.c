/* SPDX-License-Identifier: Apache-2.0 */
/* What of the configuration becomes of EAL, ports and queues; both are played here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "wires.h"

static char eal_said[4096]; /* what EAL was told, in one line */
static char ports_said[4096];
static int port_fails_at = -1;
static unsigned ports_open, eal_runs;

int port_eal_start(const struct port_eal_config *config, struct port_error *error_r)
{
	int n = snprintf(eal_said, sizeof(eal_said), "cores=%u memory=%u huge=%d", config->cores_n,
			 config->memory_mb, !config->no_huge);
	cpu_set_t first;

	(void)error_r;
	if (config->single_file_segments)
		n += snprintf(eal_said + n, sizeof(eal_said) - (size_t)n, " single");
	for (unsigned k = 0; k < config->devices_pci_n; k++)
		n += snprintf(eal_said + n, sizeof(eal_said) - (size_t)n, " pci=%s",
			      config->devices_pci[k]);
	for (unsigned k = 0; k < config->extra_n; k++)
		n += snprintf(eal_said + n, sizeof(eal_said) - (size_t)n, " %s", config->extra[k]);
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	sched_setaffinity(0, sizeof(first), &first); /* as EAL does */
	eal_runs++;
	return 0;
}

void port_eal_stop(void)
{
	eal_runs--;
}

int port_open(const struct port_config *config, struct log *log, struct port **port_r,
	      struct port_error *error_r)
{
	static char ports[PORT_COUNT_MAX];
	size_t n = strlen(ports_said);

	(void)log;
	if ((int)ports_open == port_fails_at) {
		snprintf(error_r->text, sizeof(error_r->text), "no such device");
		return -ENODEV;
	}
	snprintf(ports_said + n, sizeof(ports_said) - n, "%s/%u ", config->device, config->queues);
	*port_r = (struct port *)&ports[ports_open++];
	return 0;
}

void port_close(struct port **port)
{
	*port = NULL;
	ports_open--;
}

int port_tap_create(struct port_tap **tap_r)
{
	*tap_r = NULL;
	return -ENOMEM;
}

void port_tap_attach(struct port_tap *tap, struct port *port)
{
	(void)port;
	fail_msg("no tap was made: %p", (void *)tap);
}

void port_tap_destroy(struct port_tap **tap)
{
	assert_null(*tap);
}

static struct wiremap_config *config;
static struct config_error error;
static struct wires wires;

static int close_all(void **state)
{
	(void)state;
	wires_close(&wires);
	config_free(&config);
	port_fails_at = -1;
	ports_said[0] = '\0';
	return ports_open == 0 && eal_runs == 0 ? 0 : -1;
}

static void parse(const char *text)
{
	if (config_parse("t.yaml", text, &config, &error) != 0)
		fail_msg("%s", error.text);
}

static void refused(const char *text, const char *words)
{
	parse(text);
	assert_int_equal(wires_check(config, &error), -EINVAL);
	if (strstr(error.text, words) == NULL || strstr(error.text, "t.yaml") == NULL)
		fail_msg("wanted \"%s\", got \"%s\"", words, error.text);
	config_free(&config);
}

static void test_what_is_refused(void **state)
{
	(void)state;
	refused("eal: {cores: [4000]}\nports: [{device: net_tap0}]\n", "CPU 4000");
	refused("eal: {cores: [0, 0]}\nports: [{device: net_tap0, queues: 2}]\n", "twice");
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		refused("eal: {cores: [0, 1]}\nports: [{device: net_tap0}]\n", "core number 1");
	parse("eal: {cores: [0]}\nports: [{device: net_tap0}]\n");
	assert_int_equal(wires_check(config, &error), 0);
}

static void test_devices_queues_and_addresses(void **state)
{
	cpu_set_t before, after;

	(void)state;
	parse("eal: {cores: [0, 1], memory_mb: 100, extra: [--x, --y]}\n"
	      "ports:\n"
	      "  - {device: net_af_packet0, args: 'iface=v0', queues: 3}\n"
	      "  - {device: '0000:3b:00.1', queues: 2, queue_cores: [1, 1]}\n"
	      "addresses: [{ip: 10.0.0.1/24, port: '0000:3b:00.1', vlan: 9, gateway: 10.0.0.9}]\n");
	sched_getaffinity(0, sizeof(before), &before);
	assert_int_equal(wires_open(config, NULL, &wires, &error), 0);
	sched_getaffinity(0, sizeof(after), &after);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_string_equal(eal_said, "cores=2 memory=100 huge=1 "
				      "pci=0000:3b:00.1 --x --y");
	assert_string_equal(ports_said, "net_af_packet0,iface=v0/3 0000:3b:00.1/2 ");
	assert_int_equal(wires.queues_n, 5);
	for (unsigned k = 0; k < 5; k++) {
		static const unsigned cores[] = {0, 1, 0, 1, 1}, numbers[] = {0, 1, 2, 0, 1};

		assert_int_equal(wires.queue_core[k], cores[k]);
		assert_int_equal(wires.queues[k].queue, numbers[k]);
		assert_ptr_equal(wires.queues[k].port, wires.ports[k / 3]);
	}
	assert_int_equal(wires.addresses_n, 1);
	assert_int_equal(wires.addresses[0].ip, 0x0a000001);
	assert_int_equal(wires.addresses[0].gateway, 0x0a000009);
	assert_int_equal(wires.addresses[0].vlan, 9);
	assert_ptr_equal(wires.addresses[0].port, wires.ports[1]);
}

/* Without hugepages EAL must be told how much; what is configured counts more. */
static void test_memory_without_hugepages(void **state)
{
	unsigned small, large;

	(void)state;
	parse("eal: {cores: [0], huge: false}\nports: [{device: net_tap0}]\n");
	assert_int_equal(wires_open(config, NULL, &wires, &error), 0);
	assert_int_equal(sscanf(eal_said, "cores=1 memory=%u huge=0", &small), 1);
	wires_close(&wires);
	config_free(&config);
	parse("eal: {cores: [0], huge: false}\nports: [{device: net_tap0}]\n"
	      "tcp: {packet_memory_mb: 512, connections_max: 100000}\n");
	assert_int_equal(wires_open(config, NULL, &wires, &error), 0);
	assert_int_equal(sscanf(eal_said, "cores=1 memory=%u huge=0", &large), 1);
	assert_true(small > 64 && large > small + 512);
}

static void test_virtio_user_wants_single_files(void **state)
{
	(void)state;
	parse("eal: {cores: [0], memory_mb: 1}\nports: [{device: net_virtio_user0, args: "
	      "'path=/x'}]\n");
	assert_int_equal(wires_open(config, NULL, &wires, &error), 0);
	assert_string_equal(eal_said, "cores=1 memory=1 huge=1 single");
}

static void test_failed_port_closes_what_was_open(void **state)
{
	(void)state;
	parse("eal: {cores: [0]}\n"
	      "ports: [{device: net_tap0},\n"
	      "        {device: net_tap1}]\n"
	      "addresses: [{ip: 10.0.0.1/24, port: net_tap0}]\n");
	port_fails_at = 1;
	assert_int_equal(wires_open(config, NULL, &wires, &error), -ENODEV);
	assert_string_equal(error.text, "t.yaml:3: ports: no such device");
	assert_int_equal(ports_open, 0);
	assert_int_equal(eal_runs, 0);
}

int main(void)
{
#define CLOSED(test) cmocka_unit_test_teardown(test, close_all)
	const struct CMUnitTest tests[] = {
		CLOSED(test_what_is_refused),
		CLOSED(test_devices_queues_and_addresses),
		CLOSED(test_memory_without_hugepages),
		CLOSED(test_virtio_user_wants_single_files),
		CLOSED(test_failed_port_closes_what_was_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
