/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What joins store and mime in a server, for tests: the store's preparer is mime's builder.
 * Header-only, so that every test can use it.
 */
#ifndef WIREMAP_TESTS_PREPARER_H
#define WIREMAP_TESTS_PREPARER_H

#include "mime.h"
#include "store.h"

static inline void *preparer_create(void)
{
	return mime_builder_create();
}

static inline void preparer_destroy(void **preparer)
{
	struct mime_builder *builder = *preparer;

	mime_builder_destroy(&builder);
	*preparer = NULL;
}

static inline int preparer_prepare(void *preparer, struct span message, struct span *derived_r)
{
	return mime_prepare(preparer, message, derived_r);
}

/* One volume, prepared as the server does. `volumes` must live as long as the configuration. */
static inline struct store_config preparer_config(const char *const volumes[1], struct log *log)
{
	return (struct store_config){
		.volumes = volumes,
		.volumes_n = 1,
		.log = log,
		.prepare_version = MIME_PREP_VERSION,
		.preparer_create = preparer_create,
		.preparer_destroy = preparer_destroy,
		.prepare = preparer_prepare,
	};
}

#endif
