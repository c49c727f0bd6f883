import { useTranslation } from 'react-i18next';
import { EmptyState } from '../../widgets/notices.tsx';
import { PageHeader } from '../../widgets/page-header.tsx';

export function ConfigurationPage() {
  const { t } = useTranslation();
  return (
    <>
      <PageHeader title={t('configuration.title')} />
      <EmptyState title={t('shell.comingSoon')} />
    </>
  );
}
