from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("crm.urls")),
]

handler400 = "crm.api.problems.bad_request"
handler403 = "crm.api.problems.permission_denied"
handler404 = "crm.api.problems.page_not_found"
handler500 = "crm.api.problems.server_error"
