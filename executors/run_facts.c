/* Recorded looks: a folder with a file for each answer, or the one document that
 * `dray discover -o` wrote. */
#include "executors/run_private.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_FACTS = 64 * 1024 * 1024 };

bool
record_file(const char *dir, const char *name, const char *suffix, const void *bytes, size_t n,
	    struct err *e)
{
	struct str path = {0};
	FILE *f;
	bool ok;
	int fd;

	/* The key by which secrets are compared is among it. */
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make '%s'", dir);
	str_printf(&path, "%s/%s%s", dir, name, suffix);
	fd = open(path.buf, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	ok = f && fwrite(bytes, 1, n, f) == n;
	if (f && fclose(f) != 0)
		ok = false;
	if (!ok)
		err_sys(e, "write '%s'", path.buf);
	str_release(&path);
	return ok;
}

/* The same out of the one file that `dray discover -o` wrote: the node's "facts" for .txt,
 * its "reach" for .reach.txt; there is nothing else in it. */
static bool
from_document(struct run *r, const char *name, const char *suffix, struct str *to, struct err *e)
{
	const char *path = r->opt.facts_dir, *text = NULL;
	const char *key = strcmp(suffix, ".txt") == 0 ? "facts"
			: strcmp(suffix, ".reach.txt") == 0 ? "reach" : NULL;
	json_error_t why;
	const json_t *nodes;
	bool known = false;

	if (!key)
		return err_set(e, "'%s' is a discovery: it has no %s%s", path, name, suffix);
	if (!r->document && !(r->document = json_load_file(path, 0, &why)))
		return err_set(e, "read '%s': line %d: %s", path, why.line, why.text);
	nodes = json_object_get(r->document, "nodes");
	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *node = json_array_get(nodes, i);
		const char *own = json_string_value(json_object_get(node, "name"));

		if (!own || strcmp(own, name) != 0)
			continue;
		known = true;
		text = json_string_value(json_object_get(node, key));
	}
	if (text)
		str_puts(to, text);
	else
		err_set(e, known ? "'%s' has no %s of node '%s'" : "'%s' has no node for the %s of '%s'",
			path, key, name);
	return text != NULL;
}

void
recorded_release(struct run *r)
{
	json_decref(r->document);
}

bool
recorded_file(struct run *r, const char *name, const char *suffix, struct str *to, struct err *e)
{
	const char *dir = r->opt.facts_dir;
	struct str path = {0};
	char buf[16 * 1024];
	size_t n;
	struct stat st;
	FILE *f;
	bool ok;

	if (stat(dir, &st) == 0 && S_ISREG(st.st_mode))
		return from_document(r, name, suffix, to, e);
	str_printf(&path, "%s/%s%s", dir, name, suffix);
	f = fopen(path.buf, "re");
	to->max = MAX_FACTS;
	while (f && (n = fread(buf, 1, sizeof buf, f)) > 0)
		str_add(to, buf, n);
	ok = f && !ferror(f);
	if (!ok)
		err_sys(e, "read '%s'", path.buf);
	if (f)
		fclose(f);
	str_release(&path);
	return ok;
}
