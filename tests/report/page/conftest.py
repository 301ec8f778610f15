"""The browser that shows the pages."""

from tests.browsing import browser as browser
