/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints GMime 3's view of messages, as a second oracle: frames in, and for each message one
 * frame out. It holds lines of words, the first word a fact of mime_facts.py: the tree, once
 * "type/subtype(children)" in lower case; what ENVELOPE says, each once; what BODYSTRUCTURE says
 * of a part without parts, each once per such part, in their order. Bytes that would end a word
 * are %XX.
 *
 * Values that GMime keeps as they stand are printed so; addresses, ids and parameters as GMime
 * parses them. Left out: display names, which GMime has only decoded, and source routes and
 * Content-Language, which it does not have.
 */
#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>

#include "mime_frames.h"

enum { DEPTH_MAX = 100, CHUNK_BYTES = 4096 };

static void put_escaped(const char *word, FILE *out)
{
	for (; word != NULL && *word != '\0'; word++) {
		if (*word > ' ' && *word < 0x7f && *word != '%' && *word != '=')
			fputc(*word, out);
		else
			fprintf(out, "%%%02X", (unsigned char)*word);
	}
}

static void put_word(const char *word, FILE *out)
{
	fputc(' ', out);
	put_escaped(word, out);
}

static void put_fact(const char *fact, const char *word, FILE *out)
{
	fputs(fact, out);
	put_word(word, out);
	fputc('\n', out);
}

static void put_lower(const char *word, FILE *out)
{
	for (; word != NULL && *word != '\0'; word++)
		fputc(g_ascii_tolower(*word), out);
}

static void put_part(GMimeObject *part, unsigned depth, FILE *out)
{
	GMimeContentType *type = g_mime_object_get_content_type(part);

	put_lower(g_mime_content_type_get_media_type(type), out);
	fputc('/', out);
	put_lower(g_mime_content_type_get_media_subtype(type), out);
	if (depth == DEPTH_MAX)
		return;
	if (GMIME_IS_MULTIPART(part)) {
		GMimeMultipart *multipart = GMIME_MULTIPART(part);
		int n = g_mime_multipart_get_count(multipart);

		for (int i = 0; i < n; i++) {
			fputc(i == 0 ? '(' : ',', out);
			put_part(g_mime_multipart_get_part(multipart, i), depth + 1, out);
		}
		fputs(n > 0 ? ")" : "", out);
	} else if (GMIME_IS_MESSAGE_PART(part)) {
		GMimeMessage *inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(part));

		fputc('(', out);
		if (inner != NULL && g_mime_message_get_mime_part(inner) != NULL)
			put_part(g_mime_message_get_mime_part(inner), depth + 1, out);
		fputc(')', out);
	}
}

/* The value of the first such field, as it stands. */
static void put_field(const char *fact, GMimeObject *object, const char *name, FILE *out)
{
	GMimeHeader *field =
		g_mime_header_list_get_header(g_mime_object_get_header_list(object), name);

	put_fact(fact, field != NULL ? g_mime_header_get_raw_value(field) : NULL, out);
}

static void put_addresses(InternetAddressList *list, FILE *out)
{
	int n = list != NULL ? internet_address_list_length(list) : 0;

	for (int i = 0; i < n; i++) {
		InternetAddress *address = internet_address_list_get_address(list, i);

		if (INTERNET_ADDRESS_IS_GROUP(address))
			put_addresses(
				internet_address_group_get_members(INTERNET_ADDRESS_GROUP(address)),
				out);
		else
			put_word(internet_address_mailbox_get_addr(
					 INTERNET_ADDRESS_MAILBOX(address)),
				 out);
	}
}

static void put_ids(GMimeObject *message, const char *name, FILE *out)
{
	const char *value = g_mime_object_get_header(message, name);
	GMimeReferences *ids = g_mime_references_parse(NULL, value != NULL ? value : "");

	for (int i = 0; ids != NULL && i < g_mime_references_length(ids); i++)
		put_word(g_mime_references_get_message_id(ids, i), out);
	if (ids != NULL)
		g_mime_references_free(ids);
}

static void put_envelope(GMimeMessage *message, FILE *out)
{
	static const struct {
		const char *fact;
		GMimeAddressType type;
	} kinds[] = {
		{"from", GMIME_ADDRESS_TYPE_FROM},
		{"sender", GMIME_ADDRESS_TYPE_SENDER},
		{"reply-to", GMIME_ADDRESS_TYPE_REPLY_TO},
		{"to", GMIME_ADDRESS_TYPE_TO},
		{"cc", GMIME_ADDRESS_TYPE_CC},
		{"bcc", GMIME_ADDRESS_TYPE_BCC},
	};

	put_field("date", GMIME_OBJECT(message), "Date", out);
	put_field("subject", GMIME_OBJECT(message), "Subject", out);
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
		fputs(kinds[i].fact, out);
		put_addresses(g_mime_message_get_addresses(message, kinds[i].type), out);
		fputc('\n', out);
	}
	fputs("in-reply-to", out);
	put_ids(GMIME_OBJECT(message), "In-Reply-To", out);
	fputc('\n', out);
	put_fact("message-id", g_mime_message_get_message_id(message), out);
}

static void put_parameters(const char *fact, GMimeParamList *list, FILE *out)
{
	int n = list != NULL ? g_mime_param_list_length(list) : 0;

	fputs(fact, out);
	for (int i = 0; i < n; i++) {
		GMimeParam *param = g_mime_param_list_get_parameter_at(list, i);

		put_word(g_mime_param_get_name(param), out);
		fputc('=', out);
		put_escaped(g_mime_param_get_value(param), out);
	}
	fputc('\n', out);
}

/* Octets and lines of the body as it stands in the message. */
static void put_size(GMimePart *part, FILE *out)
{
	GMimeDataWrapper *content = g_mime_part_get_content(part);
	GMimeStream *stream = content != NULL ? g_mime_data_wrapper_get_stream(content) : NULL;
	unsigned long long octets = 0, lines = 0;
	char chunk[CHUNK_BYTES];
	ssize_t n;

	if (stream != NULL)
		g_mime_stream_reset(stream);
	while (stream != NULL && (n = g_mime_stream_read(stream, chunk, sizeof(chunk))) > 0) {
		octets += (unsigned long long)n;
		for (ssize_t i = 0; i < n; i++)
			lines += chunk[i] == '\n';
	}
	fprintf(out, "octets %llu\n", octets);
	if (g_mime_content_type_is_type(g_mime_object_get_content_type(GMIME_OBJECT(part)), "text",
					"*"))
		fprintf(out, "lines %llu\n", lines);
}

static void put_leaf(GMimePart *part, FILE *out)
{
	GMimeObject *object = GMIME_OBJECT(part);
	GMimeContentType *type = g_mime_object_get_content_type(object);
	GMimeContentDisposition *how = g_mime_object_get_content_disposition(object);

	put_parameters("parameters", g_mime_content_type_get_parameters(type), out);
	put_fact("id", g_mime_object_get_content_id(object), out);
	put_field("description", object, "Content-Description", out);
	put_fact("encoding",
		 g_mime_content_encoding_to_string(g_mime_part_get_content_encoding(part)), out);
	put_size(part, out);
	put_field("md5", object, "Content-MD5", out);
	put_fact("disposition",
		 how != NULL ? g_mime_content_disposition_get_disposition(how) : NULL, out);
	put_parameters("disposition-parameters",
		       how != NULL ? g_mime_content_disposition_get_parameters(how) : NULL, out);
	put_field("location", object, "Content-Location", out);
}

static void put_leaves(GMimeObject *part, unsigned depth, FILE *out)
{
	if (depth == DEPTH_MAX)
		return;
	if (GMIME_IS_MULTIPART(part)) {
		GMimeMultipart *multipart = GMIME_MULTIPART(part);
		int n = g_mime_multipart_get_count(multipart);

		for (int i = 0; i < n; i++)
			put_leaves(g_mime_multipart_get_part(multipart, i), depth + 1, out);
	} else if (GMIME_IS_MESSAGE_PART(part)) {
		GMimeMessage *inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(part));

		if (inner != NULL && g_mime_message_get_mime_part(inner) != NULL)
			put_leaves(g_mime_message_get_mime_part(inner), depth + 1, out);
	} else if (GMIME_IS_PART(part)) {
		put_leaf(GMIME_PART(part), out);
	}
}

static void put_message(GMimeMessage *message, FILE *out)
{
	GMimeObject *root = g_mime_message_get_mime_part(message);

	fputs("tree ", out);
	if (root != NULL)
		put_part(root, 0, out);
	fputc('\n', out);
	put_envelope(message, out);
	if (root != NULL)
		put_leaves(root, 0, out);
}

static void answer(struct span letter)
{
	GMimeStream *stream =
		g_mime_stream_mem_new_with_buffer((const char *)letter.ptr, letter.len);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		exit(1);
	if (message != NULL)
		put_message(message, out);
	fclose(out);
	frame_write(text, len);
	free(text);
	if (message != NULL)
		g_object_unref(message);
	g_object_unref(parser);
	g_object_unref(stream);
}

int main(void)
{
	struct span letter;

	g_mime_init();
	while ((letter = frame_read()).ptr != NULL) {
		answer(letter);
		free((void *)(uintptr_t)letter.ptr);
	}
	g_mime_shutdown();
	return 0;
}
