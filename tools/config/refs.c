/* SPDX-License-Identifier: Apache-2.0 */
#include "refs.h"

#include <string.h>

static int port_check(struct wiremap_config *config, unsigned number, struct config_error *error)
{
	const struct config_port *port = &config->ports.items[number];

	for (unsigned k = 0; k < number; k++)
		if (strcmp(config->ports.items[k].device, port->device) == 0)
			return config_refuse(config, port->line, error,
					     "ports: %s stands here a second time; leave one",
					     port->device);
	if (port->queue_cores.n != 0 && port->queue_cores.n != port->queues)
		return config_refuse(
			config, port->line, error,
			"ports: %s has %u queues but %u queue_cores: write one for each",
			port->device, port->queues, port->queue_cores.n);
	for (unsigned q = 0; q < port->queue_cores.n; q++)
		if (port->queue_cores.items[q] >= config->eal.cores.n)
			return config_refuse(
				config, port->line, error,
				"ports: queue_cores of %s: %u is no place in eal.cores, which "
				"has %u (they count from 0)",
				port->device, port->queue_cores.items[q], config->eal.cores.n);
	return 0;
}

static int address_check(struct wiremap_config *config, unsigned number, struct config_error *error)
{
	struct config_address *address = &config->addresses.items[number];
	uint32_t mask = address->ip.prefix == 0 ? 0 : UINT32_MAX << (32 - address->ip.prefix);

	if (address->port == NULL && config->ports.n > 1)
		return config_refuse(
			config, address->line, error,
			"addresses: say which port: write port: and a device of ports");
	if (address->gateway != 0 && ((address->gateway ^ address->ip.ip) & mask) != 0)
		return config_refuse(
			config, address->line, error,
			"addresses: the gateway is outside of the address's network: correct "
			"one of them, or the prefix");
	if (address->port == NULL)
		return 0;
	for (unsigned k = 0; k < config->ports.n; k++)
		if (strcmp(config->ports.items[k].device, address->port) == 0) {
			address->port_number = k;
			return 0;
		}
	return config_refuse(config, address->line, error,
			     "addresses: port %s is no device of ports: name one of them",
			     address->port);
}

static int listen_check(struct wiremap_config *config, unsigned number, struct config_error *error)
{
	const struct config_listen *listen = &config->listen.items[number];

	if (listen->address == 0)
		return 0;
	for (unsigned k = 0; k < config->addresses.n; k++)
		if (config->addresses.items[k].ip.ip == listen->address)
			return 0;
	return config_refuse(
		config, listen->line, error,
		"listen: the address is none of addresses: add it there, or leave it out");
}

int config_refs_check(struct wiremap_config *config, struct config_error *error)
{
	int status = 0;

	for (unsigned k = 0; k < config->ports.n && status == 0; k++)
		status = port_check(config, k, error);
	for (unsigned k = 0; k < config->addresses.n && status == 0; k++)
		status = address_check(config, k, error);
	for (unsigned k = 0; k < config->listen.n && status == 0; k++)
		status = listen_check(config, k, error);
	if (status == 0 && config->group != NULL && config->user == NULL)
		status = config_refuse(config, 0, error, "group: needs user: as well");
	return status;
}

int config_serves(const struct wiremap_config *config, struct config_error *error_r)
{
	const char *missing = NULL;

	if (config->volumes.n == 0)
		missing =
			"volumes: name at least one directory that holds mail: volumes: [/var/...]";
	else if (config->users == NULL)
		missing = "users: name the password file: users: /etc/wiremap/users";
	else if (config->eal.cores.n == 0)
		missing = "eal.cores: name at least one CPU: eal: {cores: [0]}";
	else if (config->ports.n == 0)
		missing = "ports: name at least one port: ports: [{device: net_tap0}]";
	else if (config->addresses.n == 0)
		missing = "addresses: name at least one address: addresses: [{ip: 10.0.0.1/24}]";
	else if (config->listen.n == 0)
		missing = "listen: name at least one port to listen on: listen: [{port: 143}]";
	return missing == NULL ? 0 : config_refuse(config, 0, error_r, "%s", missing);
}
