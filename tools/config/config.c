/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "keys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "check.h"
#include "refs.h"

enum { FILE_BYTES_MAX = 1 << 20 };

/* One file being read. */
struct reading {
	const char *path;
	yaml_document_t document;
	struct wiremap_config *config;
	struct config_error *error;
};

/* What the configuration owns: one chain of blocks, freed together. */
struct block {
	struct block *next;
	_Alignas(16) uint8_t bytes[];
};

static void *take(struct reading *reading, size_t bytes)
{
	struct block *block = calloc(1, sizeof(*block) + bytes);

	if (block == NULL)
		return NULL;
	block->next = reading->config->memory;
	reading->config->memory = block;
	return block->bytes;
}

void config_free(struct wiremap_config **config)
{
	struct block *block = *config != NULL ? (*config)->memory : NULL;

	while (block != NULL) {
		struct block *next = block->next;

		free(block);
		block = next;
	}
	free(*config);
	*config = NULL;
}

__attribute__((format(printf, 3, 4))) static int fault(struct reading *reading,
						       const yaml_node_t *node, const char *format,
						       ...)
{
	char *text = reading->error->text;
	size_t room = sizeof(reading->error->text);
	va_list args;
	int head;

	head = snprintf(text, room, "%.200s:%zu: ", reading->path, node->start_mark.line + 1);
	va_start(args, format);
	vsnprintf(text + head, room - (size_t)head, format, args);
	va_end(args);
	return -EINVAL;
}

static int no_memory(struct reading *reading)
{
	snprintf(reading->error->text, sizeof(reading->error->text), "%.200s: out of memory",
		 reading->path);
	return -ENOMEM;
}

/* --- Scalars. `where` has room for what `key` puts there. --- */

/* The scalar's text, or NULL when the node is none. YAML's scalars may hold NUL bytes: cut there
 * they would mean something else, so they are no text. */
static const char *scalar_text(const yaml_node_t *node)
{
	const char *text;

	if (node->type != YAML_SCALAR_NODE)
		return NULL;
	text = (const char *)node->data.scalar.value;
	return strlen(text) == node->data.scalar.length ? text : NULL;
}

static int bool_read(struct reading *reading, const struct config_key *key, const yaml_node_t *node,
		     bool *where)
{
	const char *text = scalar_text(node);

	*where = text != NULL && (strcmp(text, "true") == 0 || strcmp(text, "yes") == 0);
	if (text == NULL || (!*where && strcmp(text, "false") != 0 && strcmp(text, "no") != 0))
		return fault(reading, node, "%s: write true or false", key->name);
	return 0;
}

static int number_read(struct reading *reading, const struct config_key *key,
		       const yaml_node_t *node, unsigned *where)
{
	const char *text = scalar_text(node);
	unsigned long long value = 0;
	char *end;

	errno = 0;
	if (text != NULL && text[0] >= '0' && text[0] <= '9') {
		value = strtoull(text, &end, 10);
		if (*end == '\0' && errno == 0 && value >= key->min && value <= key->max) {
			*where = (unsigned)value;
			return 0;
		}
	}
	return fault(reading, node, "%s: write a whole number from %u to %u", key->name, key->min,
		     key->max);
}

static int choice_read(struct reading *reading, const struct config_key *key,
		       const yaml_node_t *node, unsigned *where)
{
	const char *text = scalar_text(node);
	char list[128] = "";

	for (unsigned k = 0; key->choices[k] != NULL; k++) {
		size_t at = strlen(list);

		if (text != NULL && strcmp(text, key->choices[k]) == 0) {
			*where = k;
			return 0;
		}
		snprintf(list + at, sizeof(list) - at, "%s%s", k > 0 ? ", " : "", key->choices[k]);
	}
	return fault(reading, node, "%s: write one of: %s", key->name, list);
}

static int text_read(struct reading *reading, const struct config_key *key, const yaml_node_t *node,
		     char **where)
{
	const char *text = scalar_text(node);
	size_t len = text != NULL ? strlen(text) : 0;

	if (len < key->min || len > key->max)
		return fault(reading, node, "%s: write a text of %u to %u bytes", key->name,
			     key->min, key->max);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return fault(reading, node, "%s: leave out control characters", key->name);
	*where = take(reading, len + 1);
	if (*where == NULL)
		return no_memory(reading);
	memcpy(*where, text, len + 1);
	return 0;
}

static bool ip_parse(const char *text, uint32_t *ip_r)
{
	struct in_addr address;

	if (inet_pton(AF_INET, text, &address) != 1)
		return false;
	*ip_r = ntohl(address.s_addr);
	return true;
}

static int ip_read(struct reading *reading, const struct config_key *key, const yaml_node_t *node,
		   uint32_t *where)
{
	const char *text = scalar_text(node);

	if (text == NULL || !ip_parse(text, where))
		return fault(reading, node, "%s: write an IPv4 address such as 10.0.0.1",
			     key->name);
	return 0;
}

static int network_read(struct reading *reading, const struct config_key *key,
			const yaml_node_t *node, struct config_network *where)
{
	const char *text = scalar_text(node);
	const char *slash = text != NULL ? strchr(text, '/') : NULL;
	char address[16];
	unsigned long prefix;
	char *end;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(address) || slash[1] < '0' ||
	    slash[1] > '9')
		goto bad;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	prefix = strtoul(slash + 1, &end, 10);
	if (*end != '\0' || prefix > 32 || !ip_parse(address, &where->ip) || where->ip == 0)
		goto bad;
	where->prefix = (uint8_t)prefix;
	return 0;
bad:
	return fault(reading, node,
		     "%s: write an IPv4 address with its prefix, such as 10.0.0.1/24", key->name);
}

/* --- Lists and groups --- */

static int group_read(struct reading *reading, const struct config_group *group,
		      const yaml_node_t *node, const char *name, uint8_t *base);

/* Every list is {pointer, n}; this is where the tables' offsets become that. */
struct list {
	void *items;
	unsigned n;
	unsigned line;
};

static size_t item_bytes(const struct config_key *key)
{
	switch (key->kind) {
	case CONFIG_TEXTS:
		return sizeof(char *);
	case CONFIG_NUMBERS:
		return sizeof(unsigned);
	default:
		ASSERT(key->kind == CONFIG_GROUPS);
		return key->group->size;
	}
}

static int item_read(struct reading *reading, const struct config_key *key, const yaml_node_t *node,
		     uint8_t *where)
{
	switch (key->kind) {
	case CONFIG_TEXTS:
		return text_read(reading, key, node, (char **)where);
	case CONFIG_NUMBERS:
		return number_read(reading, key, node, (unsigned *)where);
	default:
		return group_read(reading, key->group, node, key->name, where);
	}
}

static int list_read(struct reading *reading, const struct config_key *key, const yaml_node_t *node,
		     struct list *where)
{
	size_t count, width = item_bytes(key);

	if (node->type != YAML_SEQUENCE_NODE)
		return fault(reading, node, "%s: write a list, such as [ ... ]", key->name);
	count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (count > CONFIG_ITEMS_MAX)
		return fault(reading, node, "%s: at most %u items", key->name,
			     (unsigned)CONFIG_ITEMS_MAX);
	where->line = (unsigned)node->start_mark.line + 1;
	where->items = take(reading, count * width);
	if (where->items == NULL)
		return no_memory(reading);
	for (size_t k = 0; k < count; k++) {
		const yaml_node_t *item = yaml_document_get_node(
			&reading->document, node->data.sequence.items.start[k]);
		int status = item_read(reading, key, item, (uint8_t *)where->items + k * width);

		if (status != 0)
			return status;
		where->n++;
	}
	return 0;
}

static int value_read(struct reading *reading, const struct config_key *key,
		      const yaml_node_t *node, uint8_t *where)
{
	switch (key->kind) {
	case CONFIG_BOOL:
		return bool_read(reading, key, node, (bool *)where);
	case CONFIG_NUMBER:
		return number_read(reading, key, node, (unsigned *)where);
	case CONFIG_CHOICE:
		return choice_read(reading, key, node, (unsigned *)where);
	case CONFIG_TEXT:
		return text_read(reading, key, node, (char **)where);
	case CONFIG_IP:
		return ip_read(reading, key, node, (uint32_t *)where);
	case CONFIG_NETWORK:
		return network_read(reading, key, node, (struct config_network *)where);
	case CONFIG_GROUP:
		return group_read(reading, key->group, node, key->name, where);
	default:
		return list_read(reading, key, node, (struct list *)where);
	}
}

static int standard_set(struct reading *reading, const struct config_key *key, uint8_t *where)
{
	switch (key->kind) {
	case CONFIG_BOOL:
		*(bool *)where = key->standard != 0;
		return 0;
	case CONFIG_NUMBER:
	case CONFIG_CHOICE:
		*(unsigned *)where = key->standard;
		return 0;
	case CONFIG_TEXT:
		if (key->standard_text == NULL)
			return 0;
		*(char **)where = take(reading, strlen(key->standard_text) + 1);
		if (*(char **)where == NULL)
			return no_memory(reading);
		memcpy(*(char **)where, key->standard_text, strlen(key->standard_text));
		return 0;
	case CONFIG_GROUP:
		return group_read(reading, key->group, NULL, key->name, where);
	default:
		return 0; /* zero: no address, an empty list */
	}
}

/* The value that stands under a key, NULL: none. */
static int value_find(struct reading *reading, const yaml_node_t *node, const char *name,
		      const yaml_node_t **value_r)
{
	*value_r = NULL;
	if (node == NULL)
		return 0;
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&reading->document, pair->key);
		const char *text = scalar_text(key);

		if (text == NULL || strcmp(text, name) != 0)
			continue;
		if (*value_r != NULL)
			return fault(reading, key, "%s: stands here a second time; leave one",
				     name);
		*value_r = yaml_document_get_node(&reading->document, pair->value);
	}
	return 0;
}

static int unknown_check(struct reading *reading, const struct config_group *group,
			 const yaml_node_t *node, const char *name)
{
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&reading->document, pair->key);
		const char *text = scalar_text(key);
		char list[256] = "";
		bool known = false;

		for (unsigned k = 0; k < group->keys_n; k++) {
			size_t at = strlen(list);

			known = known || (text != NULL && strcmp(text, group->keys[k].name) == 0);
			snprintf(list + at, sizeof(list) - at, "%s%s", k > 0 ? ", " : "",
				 group->keys[k].name);
		}
		if (!known)
			return fault(reading, key, "%.40s is no key of %s: use %s",
				     text != NULL ? text : "this", name, list);
	}
	return 0;
}

/* `node` NULL: the group does not stand in the file, all of it takes its defaults. */
static int group_read(struct reading *reading, const struct config_group *group,
		      const yaml_node_t *node, const char *name, uint8_t *base)
{
	int status = 0;

	if (node != NULL && node->type != YAML_MAPPING_NODE)
		return fault(reading, node, "%s: write keys and values, such as {%s: ...}", name,
			     group->keys[0].name);
	if (node != NULL)
		status = unknown_check(reading, group, node, name);
	if (node != NULL && group->line_offset != CONFIG_NO_LINE)
		*(unsigned *)(base + group->line_offset) = (unsigned)node->start_mark.line + 1;
	for (unsigned k = 0; k < group->keys_n && status == 0; k++) {
		const struct config_key *key = &group->keys[k];
		const yaml_node_t *value;

		status = value_find(reading, node, key->name, &value);
		if (status != 0)
			break;
		if (value != NULL)
			status = value_read(reading, key, value, base + key->offset);
		else if (key->needed)
			status = fault(reading, node, "%s: %s is missing, write it", name,
				       key->name);
		else
			status = standard_set(reading, key, base + key->offset);
	}
	return status;
}

/* --- The file --- */

static int document_read(struct reading *reading)
{
	const yaml_node_t *root = yaml_document_get_root_node(&reading->document);

	/* An empty file is an empty document: everything takes its default. */
	return group_read(reading, &config_root, root, "the configuration",
			  (uint8_t *)reading->config);
}

static int text_parse(struct reading *reading, const char *text, size_t len)
{
	yaml_parser_t parser;
	int status;

	if (!yaml_parser_initialize(&parser))
		return no_memory(reading);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (!yaml_parser_load(&parser, &reading->document)) {
		snprintf(reading->error->text, sizeof(reading->error->text),
			 "%.200s:%zu: %s: it is not YAML as it stands; mind the indentation",
			 reading->path, parser.problem_mark.line + 1,
			 parser.problem != NULL ? parser.problem : "out of memory");
		status = -EINVAL;
	} else {
		status = document_read(reading);
		yaml_document_delete(&reading->document);
	}
	yaml_parser_delete(&parser);
	return status;
}

static int parse(const char *path, const char *text, size_t len, struct wiremap_config **config_r,
		 struct config_error *error)
{
	struct reading reading = {.path = path, .error = error};
	int status;

	error->text[0] = '\0';
	*config_r = NULL;
	reading.config = calloc(1, sizeof(*reading.config));
	if (reading.config == NULL)
		return no_memory(&reading);
	reading.config->path = take(&reading, strlen(path) + 1);
	if (reading.config->path == NULL) {
		status = no_memory(&reading);
		goto out;
	}
	memcpy(reading.config->path, path, strlen(path));
	status = text_parse(&reading, text, len);
	if (status == 0)
		status = config_refs_check(reading.config, error);
out:
	if (status != 0)
		config_free(&reading.config);
	*config_r = reading.config;
	return status;
}

int config_parse(const char *path, const char *text, struct wiremap_config **config_r,
		 struct config_error *error_r)
{
	return parse(path, text, strlen(text), config_r, error_r);
}

int config_load(const char *path, struct wiremap_config **config_r, struct config_error *error_r)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t len = 0;
	int status = 0;

	*config_r = NULL;
	if (file == NULL)
		status = -errno;
	if (status == 0 && (text = malloc(FILE_BYTES_MAX + 1)) == NULL)
		status = -ENOMEM;
	if (status == 0) {
		len = fread(text, 1, FILE_BYTES_MAX + 1, file);
		if (ferror(file))
			status = errno != 0 ? -errno : -EIO;
		else if (len > FILE_BYTES_MAX)
			status = -EFBIG;
	}
	if (status != 0)
		snprintf(error_r->text, sizeof(error_r->text),
			 "%.200s: %s: name the configuration with --config FILE", path,
			 strerror(-status));
	else
		status = parse(path, text, len, config_r, error_r);
	free(text);
	if (file != NULL)
		fclose(file);
	return status;
}

int config_refuse(const struct wiremap_config *config, unsigned line, struct config_error *error_r,
		  const char *format, ...)
{
	size_t room = sizeof(error_r->text);
	va_list args;
	int head = line > 0 ? snprintf(error_r->text, room, "%.200s:%u: ", config->path, line)
			    : snprintf(error_r->text, room, "%.200s: ", config->path);

	va_start(args, format);
	vsnprintf(error_r->text + head, room - (size_t)head, format, args);
	va_end(args);
	return -EINVAL;
}
