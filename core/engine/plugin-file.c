/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plugin-file.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clm-error.h"
#include "clm-plugin.h"

G_STATIC_ASSERT (G_STRUCT_OFFSET (ClmPluginInfo, abi) == 0);
G_STATIC_ASSERT (G_STRUCT_OFFSET (ClmPluginInfo, api) == sizeof (guint));

/* Owner and mode */

static gboolean
set_refusal (GError **error, const char *path, const char *reason, const char *cure)
{
  g_set_error (error, CLM_ERROR, CLM_ERROR_ACCESS_DENIED, "%s %s", path, reason);
  if (error != NULL)
    clm_error_set_hint (*error, "%s %s", cure, path);
  return FALSE;
}

static gboolean
check_owner (const struct stat *info, const char *path, guint32 allowed_uid, GError **error)
{
  if (info->st_uid == 0 || info->st_uid == allowed_uid)
    return TRUE;
  return set_refusal (error, path, "belongs neither to root nor to the daemon's user", "check where it comes from, then chown root");
}

static gboolean
check_directory (const char *path, gboolean last, guint32 allowed_uid, GError **error)
{
  struct stat info;

  if (stat (path, &info) != 0) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND, "no plugin directory %s: %s", path, g_strerror (errno));
    return FALSE;
  }
  if (!S_ISDIR (info.st_mode)) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND, "%s is not a directory", path);
    return FALSE;
  }
  if (!check_owner (&info, path, allowed_uid, error))
    return FALSE;
  if ((info.st_mode & 022) == 0 || (!last && (info.st_mode & S_ISVTX) != 0))
    return TRUE;
  return set_refusal (error, path, "is writable by others", "chmod go-w");
}

gboolean
clm_plugin_file_check_place (const char *directory, guint32 allowed_uid, GError **error)
{
  g_autofree char *real = realpath (directory, NULL);

  if (real == NULL) {
    g_set_error (error, CLM_ERROR, CLM_ERROR_NOT_FOUND, "no plugin directory %s: %s", directory, g_strerror (errno));
    return FALSE;
  }
  gsize length = strlen (real);
  for (gsize i = 1; i <= length; i++) {
    if (real[i] != '/' && real[i] != '\0')
      continue;
    g_autofree char *part = g_strndup (real, i);
    if (!check_directory (part, i == length, allowed_uid, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
check_file (int fd, const char *path, guint32 allowed_uid, GError **error)
{
  struct stat info;

  if (fstat (fd, &info) != 0 || !S_ISREG (info.st_mode))
    return set_refusal (error, path, "is not a regular file", "replace");
  if (!check_owner (&info, path, allowed_uid, error))
    return FALSE;
  if ((info.st_mode & 022) != 0)
    return set_refusal (error, path, "is writable by others", "check that nobody changed it, then chmod go-w");
  return TRUE;
}

int
clm_plugin_file_open (const char *path, guint32 allowed_uid, GError **error)
{
  /* Not blocking: a FIFO of that name must not hold up the daemon. */
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

  if (fd < 0 && errno == ELOOP) {
    set_refusal (error, path, "is a symbolic link", "put the module itself there instead of");
    return -1;
  }
  if (fd < 0) {
    g_set_error (error, CLM_ERROR, errno == ENOENT ? CLM_ERROR_NOT_FOUND : CLM_ERROR_ACCESS_DENIED, "cannot open %s: %s", path,
                 g_strerror (errno));
    return -1;
  }
  if (check_file (fd, path, allowed_uid, error))
    return fd;
  close (fd);
  return -1;
}

/* ELF: only what leads to one symbol; every offset is checked, since the file may be anything */

typedef struct {
  const guint8 *data;
  gsize         size;
} Image;

static gboolean
image_copy (const Image *image, guint64 offset, gpointer target, gsize size)
{
  if (offset > image->size || size > image->size - offset)
    return FALSE;
  memcpy (target, image->data + offset, size);
  return TRUE;
}

static gboolean
image_has_string (const Image *image, guint64 offset, const char *text)
{
  gsize size = strlen (text) + 1;

  return offset <= image->size && size <= image->size - offset && memcmp (image->data + offset, text, size) == 0;
}

static gboolean
read_header (const Image *image, ElfW (Ehdr) *header)
{
  const guchar class = sizeof (void *) == 8 ? ELFCLASS64 : ELFCLASS32;
  const guchar order = G_BYTE_ORDER == G_LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB;

  return image_copy (image, 0, header, sizeof *header) && memcmp (header->e_ident, ELFMAG, SELFMAG) == 0 &&
         header->e_ident[EI_CLASS] == class && header->e_ident[EI_DATA] == order && header->e_type == ET_DYN;
}

static gboolean
find_section (const Image *image, const ElfW (Ehdr) *header, guint32 type, ElfW (Shdr) *section)
{
  if (header->e_shentsize != sizeof *section)
    return FALSE;
  for (guint i = 0; i < header->e_shnum; i++) {
    if (!image_copy (image, (guint64) header->e_shoff + i * sizeof *section, section, sizeof *section))
      return FALSE;
    if (section->sh_type == type)
      return TRUE;
  }
  return FALSE;
}

static gboolean
find_symbol (const Image *image, const ElfW (Shdr) *symbols, const ElfW (Shdr) *strings, const char *name, ElfW (Sym) *symbol)
{
  guint64 count = MIN (symbols->sh_size, image->size) / sizeof *symbol;

  for (guint64 i = 0; i < count; i++) {
    if (!image_copy (image, symbols->sh_offset + i * sizeof *symbol, symbol, sizeof *symbol))
      return FALSE;
    if (symbol->st_shndx != SHN_UNDEF && symbol->st_name < strings->sh_size &&
        image_has_string (image, (guint64) strings->sh_offset + symbol->st_name, name))
      return TRUE;
  }
  return FALSE;
}

/* Copies what the loader would map at @address. */
static gboolean
read_address (const Image *image, const ElfW (Ehdr) *header, guint64 address, gpointer target, gsize size)
{
  ElfW (Phdr) segment;

  if (header->e_phentsize != sizeof segment)
    return FALSE;
  for (guint i = 0; i < header->e_phnum; i++) {
    if (!image_copy (image, (guint64) header->e_phoff + i * sizeof segment, &segment, sizeof segment))
      return FALSE;
    if (segment.p_type == PT_LOAD && address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_filesz &&
        size <= segment.p_filesz - (address - segment.p_vaddr))
      return image_copy (image, segment.p_offset + (address - segment.p_vaddr), target, size);
  }
  return FALSE;
}

ClmPluginPeek
clm_plugin_file_peek (const guint8 *data, gsize size, guint *abi, guint *api)
{
  Image image = {data, size};
  ElfW (Ehdr) header;
  ElfW (Shdr) symbols, strings;
  ElfW (Sym) symbol;
  guint numbers[2];

  if (!read_header (&image, &header) || !find_section (&image, &header, SHT_DYNSYM, &symbols))
    return CLM_PLUGIN_PEEK_UNKNOWN;
  if (symbols.sh_entsize != sizeof symbol || symbols.sh_link >= header.e_shnum ||
      !image_copy (&image, (guint64) header.e_shoff + symbols.sh_link * sizeof strings, &strings, sizeof strings))
    return CLM_PLUGIN_PEEK_UNKNOWN;
  if (!find_symbol (&image, &symbols, &strings, "clm_plugin_info", &symbol))
    return CLM_PLUGIN_PEEK_ABSENT;
  if (!read_address (&image, &header, symbol.st_value, numbers, sizeof numbers))
    return CLM_PLUGIN_PEEK_UNKNOWN;
  *abi = numbers[0];
  *api = numbers[1];
  return CLM_PLUGIN_PEEK_FOUND;
}
