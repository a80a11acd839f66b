/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus.h"
#include "json.h"

G_BEGIN_DECLS

#define CLM_ROW_TYPE "(osssssxxsxus)"

/** ClmCertificateRow: one row of ListCertificates. Plain data. */
typedef struct {
  char   *name;
  char   *state;
  char   *delivery_state;
  char   *authority;
  char   *key_store;
  gint64  not_before;
  gint64  not_after;    /* 0: nothing issued yet */
  char   *next_action;
  gint64  next_time;    /* 0: it waits for no time */
  guint   attempts;     /* failed ones in a row */
  char   *message;
} ClmCertificateRow;

ClmCertificateRow *clm_certificate_row_new (GVariant *row);
void               clm_certificate_row_free (ClmCertificateRow *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClmCertificateRow, clm_certificate_row_free)

/** clm_certificate_row_add_json: Adds its members to an object that has been begun. */
void clm_certificate_row_add_json (const ClmCertificateRow *self, JsonBuilder *builder, gint64 now);

/** clm_certificate_row_compare: Worst first: by state, then by what ends first. */
int clm_certificate_row_compare (gconstpointer a, gconstpointer b);

/** ClmCertificateFilter: what to list; NULL or 0 for any. Plain data. */
typedef struct {
  const char  *pattern;
  const char  *state;
  const char  *authority;
  gint64       expires_before;
} ClmCertificateFilter;

/** ClmCertificatePages: a list that is read page by page. */
typedef struct {
  ClmCli                     *cli;
  const ClmCertificateFilter *filter;
  char                       *cursor;
  gboolean                    ended;
} ClmCertificatePages;

void clm_certificate_pages_init (ClmCertificatePages *self, ClmCli *cli, const ClmCertificateFilter *filter);
void clm_certificate_pages_clear (ClmCertificatePages *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ClmCertificatePages, clm_certificate_pages_clear)
/** clm_certificate_pages_next: Returns: (transfer full) (nullable) (element-type ClmCertificateRow): the next page; until @ended. */
GPtrArray *clm_certificate_pages_next (ClmCertificatePages *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_certificates_list: Returns: (transfer full) (nullable) (element-type ClmCertificateRow): all pages, worst first. */
GPtrArray *clm_certificates_list (ClmCli *cli, const ClmCertificateFilter *filter, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_certificates_list_names: Returns: (transfer full) (nullable): names that match @pattern (nullable). */
GStrv clm_certificates_list_names (ClmCli *cli, const char *pattern, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_certificates_check_name: Whether @name can be one, before anybody is asked. */
gboolean clm_certificates_check_name (const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_certificates_call: Calls @method of the certificate @name; where there is none the error says which name is near. */
GVariant *clm_certificates_call (ClmCli *cli, const char *name, const char *method, GVariant *parameters, const char *reply,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_certificates_get: Returns: (transfer full) (nullable): the properties of the certificate @name. */
GVariant *clm_certificates_get (ClmCli *cli, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** clm_certificates_explain_absence: Makes of a NotFound in @error a sentence about @name with the name that is near. Other errors stay. */
void clm_certificates_explain_absence (ClmCli *cli, const char *name, GError **error);

/** clm_certificates_explain_absence_of: The same where one of @names is meant. */
void clm_certificates_explain_absence_of (ClmCli *cli, const char *const *names, GError **error);

G_END_DECLS
