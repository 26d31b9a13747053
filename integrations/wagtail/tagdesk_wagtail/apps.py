"""The app: what `INSTALLED_APPS` names."""

from django.apps import AppConfig


class TagdeskConfig(AppConfig):
    """Connects the app to publishing, and checks its settings."""

    name = "tagdesk_wagtail"
    verbose_name = "Tagdesk"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register receivers and checks."""
        from django.core.checks import register
        from wagtail.signals import page_published

        from tagdesk_wagtail.configuration import check_settings
        from tagdesk_wagtail.publishing import on_published

        register(check_settings)
        page_published.connect(on_published, dispatch_uid="tagdesk")
