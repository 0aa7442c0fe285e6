/* Reads Lua files and the files that they ask for; all must be below the spec's folder. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executors/io/file.h"
#include "executors/script/module.h"

/* Links are resolved first: what counts is where they lead. */
static bool
module_file_is_below(const char *folder, const char *path)
{
	char *top = realpath(folder, NULL), *real = realpath(path, NULL);
	size_t n = top ? strlen(top) : 0;
	bool below = top && real && strncmp(real, top, n) == 0 && (real[n] == '/' || n == 1);

	free(top);
	free(real);
	return below;
}

bool
module_read(const char *folder, const char *path, size_t max, struct str *to, struct err *e)
{
	struct str full = {0};
	struct stat st;
	bool ok = false;
	int fd = -1;

	if (*path == '/') {
		err_set(e, "'%s' must be relative to the folder of the spec", path);
		goto out;
	}
	str_printf(&full, "%s/%s", *folder ? folder : ".", path);
	fd = open(full.buf, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		err_sys(e, "cannot read '%s'", path);
	else if (!module_file_is_below(*folder ? folder : ".", full.buf))
		err_set(e, "'%s' is outside the folder of the spec", path);
	else if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		err_set(e, "cannot read '%s': it is not a file", path);
	else
		ok = file_read(dup(fd), path, max, to, e);
out:
	if (fd >= 0)
		close(fd);
	str_release(&full);
	return ok;
}

struct module *
module_load(struct arena *a, const char *folder, const char *file, struct loc at,
	    struct diags *d)
{
	struct module *s = ar_new(a, struct module);
	struct vm_error error = {0};
	struct str text = {0};
	struct err e = {0};

	s->file = file;
	if (!module_read(folder, file, MODULE_MAX, &text, &e)) {
		diag_error(d, at, "%s", e.text);
		str_release(&text);
		return NULL;
	}
	s->src = (struct source){.name = file, .text = arena_strndup(a, str_text(&text), text.len),
		.len = text.len};
	str_release(&text);
	s->vm = vm_new(a, &s->src, NULL, &error);
	if (s->vm)
		return s;
	if (!error.at.line)
		error.at = at;
	vm_error_diag(&error, d);
	diag_note(d, at, "the file is named here");
	return NULL;
}

void
module_unload(struct module *s)
{
	if (s && s->vm)
		vm_free(s->vm);
	if (s)
		s->vm = NULL;
}
