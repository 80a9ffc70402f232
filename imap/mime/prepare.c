/* SPDX-License-Identifier: Apache-2.0 */
#include "mime.h"

#include <errno.h>
#include <stdlib.h>

#include "format.h"
#include "scan.h"
#include "structure.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "blobs are little-endian");

struct mime_builder {
	struct scan scan;
	struct bytes blob;
	struct bytes order; /* uint32_t: the scan's index of each part of the blob */
};

struct mime_builder *mime_builder_create(void)
{
	return calloc(1, sizeof(struct mime_builder));
}

void mime_builder_destroy(struct mime_builder **builder)
{
	struct mime_builder *gone = *builder;

	*builder = NULL;
	if (gone == NULL)
		return;
	scan_free(&gone->scan);
	bytes_free(&gone->blob);
	bytes_free(&gone->order);
	free(gone);
}

static uint32_t order_at(const struct mime_builder *builder, uint32_t i)
{
	uint32_t index;

	memcpy(&index, builder->order.ptr + (size_t)i * sizeof(index), sizeof(index));
	return index;
}

/* Numbers the parts level by level: a queue that ends up holding the whole order. */
static void parts_order(struct mime_builder *builder)
{
	const struct scan *scan = &builder->scan;
	uint32_t index = 0;

	bytes_restart(&builder->order);
	bytes_add(&builder->order, &index, sizeof(index));
	for (uint32_t i = 0; i < scan->part_count && !builder->order.failed; i++) {
		index = scan->parts[order_at(builder, i)].child;
		for (; index != SCAN_NONE; index = scan->parts[index].next)
			bytes_add(&builder->order, &index, sizeof(index));
	}
}

/* Copies the root's lines whose names are numbered [first, last]. Returns the mask of these names
 * if all their lines were copied, else 0. */
static uint64_t lines_copy(struct mime_builder *builder, unsigned first, unsigned last)
{
	struct scan *scan = &builder->scan;
	size_t start = sizeof(struct format_header);
	bool missed = false;
	uint64_t ids = 0;

	for (uint32_t i = 0; i < scan->parts[0].field_count; i++) {
		struct scan_field *field = &scan->fields[i];

		if (field->id < first || field->id > last)
			continue;
		ids |= UINT64_C(1) << field->id;
		if (field->len > FORMAT_COPY_LINE_BYTES_MAX ||
		    builder->blob.len - start + field->len > FORMAT_COPIES_BYTES_MAX) {
			missed = true;
			continue;
		}
		field->kept_at = (uint32_t)builder->blob.len;
		bytes_add(&builder->blob, scan->message.ptr + field->off, field->len);
	}
	return missed ? 0 : ids;
}

/* In lower case, so that they compare as bytes. */
static void names_add(struct mime_builder *builder)
{
	struct scan *scan = &builder->scan;

	for (uint32_t i = 0; i < scan->field_count; i++) {
		struct scan_field *field = &scan->fields[i];

		if (field->id != NAME_UNKNOWN || field->name_len > FORMAT_NAME_BYTES_MAX)
			continue;
		field->kept_at = (uint32_t)builder->blob.len;
		for (uint32_t k = 0; k < field->name_len; k++)
			bytes_add_byte(&builder->blob,
				       span_lower(scan->message.ptr[field->off + k]));
	}
}

static void fields_add(struct mime_builder *builder)
{
	const struct scan *scan = &builder->scan;

	for (uint32_t i = 0; i < scan->field_count; i++) {
		const struct scan_field *from = &scan->fields[i];
		struct span name = {scan->message.ptr + from->off, from->name_len};
		struct format_field field = {
			.off = from->off,
			.len = from->len,
			.at = from->kept_at,
			.id = from->id,
		};

		if (from->id == NAME_UNKNOWN && name.len <= FORMAT_NAME_BYTES_MAX) {
			field.name_len = (uint16_t)name.len;
			field.bucket = (uint8_t)name_bucket(name);
		}
		bytes_add(&builder->blob, &field, sizeof(field));
	}
}

static uint64_t ids_of(const struct scan *scan)
{
	uint64_t ids = 0;

	for (uint32_t i = 0; i < scan->parts[0].field_count; i++)
		ids |= UINT64_C(1) << scan->fields[i].id;
	return ids;
}

/* What decoding the body would give, by decoding it. */
static uint64_t decoded_size(struct span body, enum mime_encoding encoding)
{
	struct mime_decoder decoder = {.encoding = encoding};
	uint8_t out[4096];
	uint64_t size = 0;
	size_t taken, got;

	if (encoding != MIME_QUOTED_PRINTABLE && encoding != MIME_BASE64)
		return body.len;
	do {
		got = mime_decode(&decoder, body, true, out, sizeof(out), &taken);
		body = span_cut(body, taken, body.len);
		size += got;
	} while (got > 0 || body.len > 0);
	return size;
}

static uint8_t part_flags(const struct scan_part *part)
{
	uint8_t flags = part->has_empty_line ? FORMAT_EMPTY_LINE : 0;

	if (part->content.kind == CONTENT_MULTIPART)
		flags |= FORMAT_MULTIPART;
	if (part->content.kind == CONTENT_MESSAGE)
		flags |= FORMAT_MESSAGE;
	return flags;
}

static void part_add(struct mime_builder *builder, uint32_t index, uint32_t *child_next)
{
	const struct scan *scan = &builder->scan;
	const struct scan_part *from = &scan->parts[index];
	struct format_part part = {
		.header_off = from->off,
		.header_len = from->header_len,
		.body_len = from->body_len,
		.child_first = *child_next,
		.field_first = from->field_first,
		.field_count = from->field_count,
		.flags = part_flags(from),
		.encoding = from->content.encoding_kind,
	};
	struct span body = span_cut(scan->message, from->off + from->header_len, from->body_len);

	for (uint32_t child = from->child; child != SCAN_NONE; child = scan->parts[child].next)
		part.child_count++;
	*child_next += part.child_count;
	if (part.child_count > 0 && part.encoding != MIME_ENCODING_UNKNOWN)
		part.encoding = MIME_8BIT; /* RFC 2045 6.4: only leaves are encoded */
	part.decoded_size = decoded_size(body, part.encoding);
	bytes_add(&builder->blob, &part, sizeof(part));
}

static uint32_t parts_add(struct mime_builder *builder)
{
	uint32_t parts_off = (uint32_t)builder->blob.len, child_next = 1;

	for (uint32_t i = 0; i < builder->scan.part_count; i++)
		part_add(builder, order_at(builder, i), &child_next);
	return parts_off;
}

static struct format_extent structure_add(struct mime_builder *builder, bool extended)
{
	uint32_t off = (uint32_t)builder->blob.len;

	structure_write(&builder->scan, extended, &builder->blob);
	return (struct format_extent){off, (uint32_t)builder->blob.len - off};
}

/* Everything but the header, in the order of format.h. */
static void blob_fill(struct mime_builder *builder, struct format_header *header)
{
	const struct scan *scan = &builder->scan;
	struct bytes *blob = &builder->blob;

	header->ids = ids_of(scan);
	header->hot.off = (uint32_t)blob->len;
	header->hot_ids = lines_copy(builder, 1, NAME_HOT_LAST);
	header->hot.len = (uint32_t)blob->len - header->hot.off;
	lines_copy(builder, NAME_HOT_LAST + 1, NAME_COPIED_LAST);
	names_add(builder);
	header->root_field_count = scan->parts[0].field_count;
	header->field_count = scan->field_count;
	header->fields_off = (uint32_t)blob->len;
	fields_add(builder);
	header->envelope.off = (uint32_t)blob->len;
	envelope_write(&scan->parts[0].envelope, &scan->text, blob);
	header->envelope.len = (uint32_t)blob->len - header->envelope.off;
	header->part_count = scan->part_count;
	header->parts_off = parts_add(builder);
	header->root_flags = part_flags(&scan->parts[0]);
	header->bodystructure = structure_add(builder, true);
	header->body = structure_add(builder, false);
}

int mime_prepare(struct mime_builder *builder, struct span message, struct span *blob_r)
{
	struct format_header header = {
		.magic = FORMAT_MAGIC,
		.version = MIME_PREP_VERSION,
		.message_len = (uint32_t)message.len,
	};
	int status;

	if (message.len > MIME_MESSAGE_BYTES_MAX)
		return -EFBIG;
	status = scan_message(&builder->scan, message);
	if (status != 0)
		return status;
	parts_order(builder);
	if (builder->order.failed)
		return -ENOMEM;
	bytes_restart(&builder->blob);
	bytes_add(&builder->blob, &header, sizeof(header));
	blob_fill(builder, &header);
	if (builder->blob.failed)
		return -ENOMEM;
	header.blob_len = (uint32_t)builder->blob.len;
	memcpy(builder->blob.ptr, &header, sizeof(header));
	*blob_r = bytes_span(&builder->blob);
	return 0;
}
