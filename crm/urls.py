from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from .api import health, intake, views
from .api.parsing import Unrefusing

UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
INQUIRY = f"^api/v1/inquiries/(?P<inquiry_id>{UUID})"
LEAD = f"^api/v1/leads/(?P<lead_id>{UUID})"

docs = SpectacularSwaggerSplitView.as_view(url_name="schema", content_negotiation_class=Unrefusing)

# A trailing slash is optional on every path.
urlpatterns = [
    re_path(r"^api/v1/inquiries/?$", intake.Inquiries.as_view(), name="inquiries"),
    re_path(r"^api/v1/inquiries/batch/?$", intake.Batch.as_view(), name="batch"),
    re_path(f"{INQUIRY}/?$", views.OneInquiry.as_view(), name="inquiry"),
    re_path(f"{INQUIRY}/insight/?$", views.InquiryInsight.as_view(), name="inquiry-insight"),
    re_path(f"{LEAD}/?$", views.OneLead.as_view(), name="lead"),
    re_path(f"{LEAD}/insight/?$", views.LeadInsight.as_view(), name="lead-insight"),
    re_path(r"^api/schema/?$", SpectacularAPIView.as_view(content_negotiation_class=Unrefusing), name="schema"),
    re_path(r"^api/docs/?$", docs, name="docs"),
    path("api/", views.NoSuchPath.as_view()),
    path("api/<path:rest>", views.NoSuchPath.as_view()),
    re_path(r"^healthz/?$", health.healthz, name="healthz"),
    re_path(r"^readyz/?$", health.readyz, name="readyz"),
]
